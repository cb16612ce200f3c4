SELECT
  arm, metric_id, sum(n), sum(y), sum(yy), sum(d), sum(dd), sum(yd),
  sum(capped_y), sum(capped_yy), sum(capped_yd), sum(nonzero), sum(refused)
FROM state_delta
WHERE phase_id = $phase_id AND dimension = '*'
GROUP BY arm, metric_id;
