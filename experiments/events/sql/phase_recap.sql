-- Another cap on one metric: its units' values are known, so only their cut is made anew.
UPDATE unit_value
SET capped_y = CASE WHEN CAST($cap AS BIGINT) < y THEN CAST($cap AS BIGINT) ELSE y END
WHERE phase_id = $phase_id AND metric_id = $metric_id;

DELETE FROM state_delta WHERE phase_id = $phase_id AND metric_id = $metric_id;

INSERT INTO state_delta
SELECT
  phase_id, arm, metric_id, '*', '*', day,
  sum(counted),
  sum(y), sum(y * y), sum(d), sum(d * d), sum(y * d),
  sum(capped_y), sum(capped_y * capped_y), sum(capped_y * d),
  sum(CASE WHEN y <> 0 THEN 1 ELSE 0 END),
  sum(1 - counted)
FROM (
  SELECT
    phase_id, arm, metric_id, day,
    CASE WHEN refused THEN 0 ELSE 1 END AS counted,
    CAST(y AS HUGEINT) AS y,
    CAST(d AS HUGEINT) AS d,
    CAST(capped_y AS HUGEINT) AS capped_y
  FROM unit_value
  WHERE phase_id = $phase_id AND metric_id = $metric_id
) AS exact
GROUP BY phase_id, arm, metric_id, day;
