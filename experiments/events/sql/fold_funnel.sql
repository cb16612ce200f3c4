-- The next step of funnels: its first event at or after the step before it.
INSERT INTO reached
SELECT
  occurred.phase_id, occurred.metric_id, occurred.unit_subject,
  occurred.place, min(occurred.occurred_at), min(occurred.since)
FROM occurred
JOIN reached
  ON reached.phase_id = occurred.phase_id
  AND reached.metric_id = occurred.metric_id
  AND reached.unit_subject = occurred.unit_subject
  AND reached.place = occurred.place - 1
  AND reached.reached_at <= occurred.occurred_at
WHERE occurred.place = $place
GROUP BY
  occurred.phase_id, occurred.metric_id, occurred.unit_subject,
  occurred.place;
