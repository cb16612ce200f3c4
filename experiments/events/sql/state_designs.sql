-- Designs, how far their environments are folded, and what waits there.
SELECT
  phase.phase_id, phase.design, phase.rebuild,
  coalesce(progress.position, 0),
  coalesce(progress.watermark, 0),
  progress.last_event_at,
  coalesce(stream.events, 0) - coalesce(progress.events, 0)
FROM phase
LEFT JOIN progress ON progress.environment_id = phase.environment_id
LEFT JOIN stream ON stream.environment_id = phase.environment_id
WHERE phase.phase_id IN (SELECT unnest(CAST($phase_ids AS UUID[])));
