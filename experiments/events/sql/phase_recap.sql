-- Another cap on one metric: its units' values are known, so only their cut is made anew.
UPDATE unit_value
SET
  capped_y = CASE WHEN CAST($cap AS BIGINT) < y THEN CAST($cap AS BIGINT) ELSE y END,
  capped_x = CASE WHEN CAST($cap AS BIGINT) < x THEN CAST($cap AS BIGINT) ELSE x END
WHERE phase_id = $phase_id AND metric_id = $metric_id;

DELETE FROM state_delta WHERE phase_id = $phase_id AND metric_id = $metric_id;

CREATE OR REPLACE TEMP TABLE change AS
SELECT unit_value.*, 1 AS sign
FROM unit_value
WHERE phase_id = $phase_id AND metric_id = $metric_id;
