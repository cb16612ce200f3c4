-- Replace the units that changed, and append the difference to their counts.
INSERT INTO unit_delta (phase_id, arm, day, exposed, in_gap, conflicted, linked, joined)
SELECT
  phase_id, arm, exposed_at - exposed_at % 86400000,
  sum(CASE WHEN in_gap THEN 0 ELSE sign END),
  sum(CASE WHEN in_gap THEN sign ELSE 0 END),
  sum(CASE WHEN conflicted AND NOT in_gap THEN sign ELSE 0 END),
  sum(CASE WHEN linked AND NOT in_gap THEN sign ELSE 0 END),
  sum(CASE WHEN joined AND NOT in_gap THEN sign ELSE 0 END)
FROM (
  SELECT came_unit.*, 1 AS sign FROM came_unit
  UNION ALL
  SELECT gone_unit.*, -1 AS sign FROM gone_unit
) AS change
GROUP BY phase_id, arm, exposed_at - exposed_at % 86400000;

DELETE FROM unit
USING gone_unit
WHERE unit.phase_id = gone_unit.phase_id
  AND unit.subject = gone_unit.subject;

INSERT INTO unit
SELECT * FROM came_unit;
