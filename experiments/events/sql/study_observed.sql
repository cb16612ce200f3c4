-- Counted units by metric and arm that were exposed by an instant.
SELECT asked.phase_id, asked.metric_id, unit.arm, count(*)
FROM (
  SELECT
    unnest(CAST($phase_ids AS UUID[])) AS phase_id,
    unnest(CAST($metric_ids AS UUID[])) AS metric_id,
    unnest(CAST($last_exposed_at AS BIGINT[])) AS last_exposed_at
) AS asked
JOIN unit
  ON unit.phase_id = asked.phase_id AND unit.exposed_at <= asked.last_exposed_at
WHERE NOT unit.in_gap
GROUP BY asked.phase_id, asked.metric_id, unit.arm;
