-- Which phases' numbers changed: one more time each.
INSERT INTO moved (phase_id, times)
SELECT phase_id, 1
FROM (
  SELECT phase_id FROM came_unit
  UNION
  SELECT phase_id FROM gone_unit
  UNION
  SELECT phase_id FROM change
) AS changed
ON CONFLICT (phase_id) DO UPDATE SET times = moved.times + 1;
