SELECT
  phase_id, arm, metric_id, day,
  sum(n), sum(y), sum(yy), sum(d), sum(dd), sum(yd), sum(x), sum(xx), sum(yx), sum(dx),
  sum(w), sum(ww), sum(yw), sum(dw), sum(xw), sum(m), sum(ym), sum(dm), sum(capped_y),
  sum(capped_yy), sum(capped_yd), sum(capped_yx), sum(capped_yw), sum(capped_ym),
  sum(nonzero), sum(refused)
FROM state_delta
WHERE phase_id IN (SELECT unnest(CAST($phase_ids AS UUID[]))) AND dimension = '*'
GROUP BY phase_id, arm, metric_id, day
ORDER BY phase_id, day;
