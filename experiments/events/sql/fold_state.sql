-- Append what `change` says to the sums over everybody.
INSERT INTO state_delta
SELECT
  phase_id, arm, metric_id, '*', '*', day,
  sum(sign * counted),
  sum(sign * y),
  sum(sign * y * y),
  sum(sign * d),
  sum(sign * d * d),
  sum(sign * y * d),
  sum(sign * capped_y),
  sum(sign * capped_y * capped_y),
  sum(sign * capped_y * d),
  sum(sign * CASE WHEN y <> 0 THEN 1 ELSE 0 END),
  sum(sign * (1 - counted)),
  sum(sign * x),
  sum(sign * x * x),
  sum(sign * y * x),
  sum(sign * d * x),
  sum(sign * w),
  sum(sign * w * w),
  sum(sign * y * w),
  sum(sign * d * w),
  sum(sign * x * w),
  sum(sign * m),
  sum(sign * y * m),
  sum(sign * d * m),
  sum(sign * capped_y * x),
  sum(sign * capped_y * w),
  sum(sign * capped_y * m)
FROM (
  SELECT
    phase_id, arm, metric_id, day, sign,
    CASE WHEN refused THEN 0 ELSE 1 END AS counted,
    CAST(y AS HUGEINT) AS y,
    CAST(d AS HUGEINT) AS d,
    CAST(capped_y AS HUGEINT) AS capped_y,
    CAST(capped_x AS HUGEINT) AS x,
    CAST(w AS HUGEINT) AS w,
    CAST(m AS HUGEINT) AS m
  FROM change
) AS exact
GROUP BY phase_id, arm, metric_id, day;
