-- One metric's sums over the units that are in another phase too, by both arms.
SELECT
  arm, other_arm, count(*), sum(y), sum(y * y), sum(d), sum(d * d), sum(y * d)
FROM (
  SELECT
    unit_value.arm, other.arm AS other_arm,
    CAST(unit_value.y AS HUGEINT) AS y,
    CAST(unit_value.d AS HUGEINT) AS d
  FROM unit_value
  JOIN unit AS other
    ON other.phase_id = $other_id
    AND other.kind = unit_value.kind
    AND other.id = unit_value.id
  WHERE unit_value.phase_id = $phase_id
    AND unit_value.metric_id = $metric_id
    AND NOT unit_value.refused
    AND NOT other.in_gap
) AS shared
GROUP BY arm, other_arm
ORDER BY arm, other_arm;
