-- Append the same to the sums of every level of every dimension, and of every depth of a
-- funnel.
CREATE OR REPLACE TEMP TABLE difference AS
SELECT
  phase_id, arm, metric_id, day, levels, depth,
  sum(sign * counted) AS n,
  sum(sign * y) AS y,
  sum(sign * y * y) AS yy,
  sum(sign * d) AS d,
  sum(sign * d * d) AS dd,
  sum(sign * y * d) AS yd,
  sum(sign * capped_y) AS capped_y,
  sum(sign * capped_y * capped_y) AS capped_yy,
  sum(sign * capped_y * d) AS capped_yd,
  sum(sign * CASE WHEN y <> 0 THEN 1 ELSE 0 END) AS nonzero,
  sum(sign * (1 - counted)) AS refused,
  sum(sign * x) AS x,
  sum(sign * x * x) AS xx,
  sum(sign * y * x) AS yx,
  sum(sign * d * x) AS dx,
  sum(sign * w) AS w,
  sum(sign * w * w) AS ww,
  sum(sign * y * w) AS yw,
  sum(sign * d * w) AS dw,
  sum(sign * x * w) AS xw,
  sum(sign * m) AS m,
  sum(sign * y * m) AS ym,
  sum(sign * d * m) AS dm,
  sum(sign * capped_y * x) AS capped_yx,
  sum(sign * capped_y * w) AS capped_yw,
  sum(sign * capped_y * m) AS capped_ym
FROM (
  SELECT
    change.phase_id, change.arm, change.metric_id, change.day, change.levels, change.sign,
    CASE WHEN metric.kind = 'FUNNEL' THEN CAST(change.y AS VARCHAR) END AS depth,
    CASE WHEN change.refused THEN 0 ELSE 1 END AS counted,
    CAST(change.y AS HUGEINT) AS y,
    CAST(change.d AS HUGEINT) AS d,
    CAST(change.capped_y AS HUGEINT) AS capped_y,
    CAST(change.capped_x AS HUGEINT) AS x,
    CAST(change.w AS HUGEINT) AS w,
    CAST(change.m AS HUGEINT) AS m
  FROM change
  JOIN metric
    ON metric.phase_id = change.phase_id AND metric.metric_id = change.metric_id
) AS exact
GROUP BY phase_id, arm, metric_id, day, levels, depth;

INSERT INTO state_delta
SELECT
  phase_id, arm, metric_id, dimension, level, day,
  sum(n) AS n, sum(y) AS y, sum(yy) AS yy, sum(d) AS d, sum(dd) AS dd, sum(yd) AS yd,
  sum(capped_y) AS capped_y, sum(capped_yy) AS capped_yy, sum(capped_yd) AS capped_yd,
  sum(nonzero) AS nonzero, sum(refused) AS refused, sum(x) AS x, sum(xx) AS xx,
  sum(yx) AS yx, sum(dx) AS dx, sum(w) AS w, sum(ww) AS ww, sum(yw) AS yw,
  sum(dw) AS dw, sum(xw) AS xw, sum(m) AS m, sum(ym) AS ym, sum(dm) AS dm,
  sum(capped_yx) AS capped_yx, sum(capped_yw) AS capped_yw, sum(capped_ym) AS capped_ym
FROM (
  SELECT difference.*, '$depth' AS dimension, depth AS level
  FROM difference
  WHERE depth IS NOT NULL
  UNION ALL
  SELECT
    difference.*, phase_dimension.dimension,
    coalesce(
      phase_level.level,
      replace(split_part(difference.levels, '.', phase_dimension.place), '-', '.')
    )
  FROM difference
  JOIN phase_dimension ON phase_dimension.phase_id = difference.phase_id
  LEFT JOIN phase_level
    ON phase_level.phase_id = phase_dimension.phase_id
    AND phase_level.dimension = phase_dimension.dimension
    AND CAST(phase_level.place AS VARCHAR)
      = split_part(difference.levels, '.', phase_dimension.place)
) AS filed
GROUP BY phase_id, arm, metric_id, dimension, level, day;
