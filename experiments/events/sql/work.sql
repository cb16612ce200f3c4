-- Environments with events to fold, phases to rebuild, or a window that has closed.
SELECT stream.environment_id
FROM stream
LEFT JOIN progress ON progress.environment_id = stream.environment_id
WHERE stream.events > coalesce(progress.events, 0)
UNION
SELECT environment_id FROM phase WHERE rebuild
UNION
SELECT progress.environment_id
FROM progress
JOIN phase ON phase.environment_id = progress.environment_id
JOIN metric ON metric.phase_id = phase.phase_id
WHERE EXISTS (
  SELECT 1 FROM unit
  WHERE unit.phase_id = phase.phase_id
    AND unit.exposed_at > progress.watermark - metric.closes_after
    AND unit.exposed_at
      <= greatest(CAST($horizon AS BIGINT), progress.import_finished_at)
        - metric.closes_after
);
