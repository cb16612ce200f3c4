-- What the events say: weeks with one, steps done, the block of the first.
CREATE OR REPLACE TEMP TABLE detail AS
SELECT
  phase_id, metric_id, unit_subject,
  count(DISTINCT since - since % 604800000) AS y
FROM occurred
WHERE metric_kind = 'CADENCE'
GROUP BY phase_id, metric_id, unit_subject
UNION ALL
SELECT
  reached.phase_id, reached.metric_id, reached.unit_subject,
  max(
    CASE
      WHEN metric.kind = 'FUNNEL' THEN reached.place
      ELSE CAST((reached.since - reached.since % 86400000) / 86400000 AS BIGINT)
    END
  )
FROM reached
JOIN metric
  ON metric.phase_id = reached.phase_id
  AND metric.metric_id = reached.metric_id
  AND metric.kind IN ('FUNNEL', 'TIME_TO_EVENT')
GROUP BY reached.phase_id, reached.metric_id, reached.unit_subject;
