-- The same sums in one row per key.
CREATE OR REPLACE TEMP TABLE merged AS
SELECT
  phase_id, arm, metric_id, dimension, level, day,
  sum(n) AS n, sum(y) AS y, sum(yy) AS yy, sum(d) AS d, sum(dd) AS dd, sum(yd) AS yd,
  sum(capped_y) AS capped_y, sum(capped_yy) AS capped_yy, sum(capped_yd) AS capped_yd,
  sum(nonzero) AS nonzero, sum(refused) AS refused, sum(x) AS x, sum(xx) AS xx,
  sum(yx) AS yx, sum(dx) AS dx, sum(w) AS w, sum(ww) AS ww, sum(yw) AS yw,
  sum(dw) AS dw, sum(xw) AS xw, sum(m) AS m, sum(ym) AS ym, sum(dm) AS dm,
  sum(capped_yx) AS capped_yx, sum(capped_yw) AS capped_yw, sum(capped_ym) AS capped_ym
FROM state_delta
WHERE phase_id = $phase_id
GROUP BY phase_id, arm, metric_id, dimension, level, day;

DELETE FROM state_delta WHERE phase_id = $phase_id;

INSERT INTO state_delta SELECT * FROM merged;
