-- Units by level, of the phases whose plans have dimensions.
INSERT INTO level_delta (phase_id, arm, dimension, level, units)
SELECT
  change.phase_id, change.arm, phase_dimension.dimension,
  coalesce(
    phase_level.level,
    replace(split_part(change.levels, '.', phase_dimension.place), '-', '.')
  ),
  sum(change.sign)
FROM (
  SELECT phase_id, arm, levels, 1 AS sign FROM came_unit WHERE NOT in_gap
  UNION ALL
  SELECT phase_id, arm, levels, -1 AS sign FROM gone_unit WHERE NOT in_gap
) AS change
JOIN phase_dimension ON phase_dimension.phase_id = change.phase_id
LEFT JOIN phase_level
  ON phase_level.phase_id = phase_dimension.phase_id
  AND phase_level.dimension = phase_dimension.dimension
  AND CAST(phase_level.place AS VARCHAR)
    = split_part(change.levels, '.', phase_dimension.place)
GROUP BY
  change.phase_id, change.arm, phase_dimension.dimension,
  coalesce(
    phase_level.level,
    replace(split_part(change.levels, '.', phase_dimension.place), '-', '.')
  );
