-- Replace the old values by the new ones, and append the difference to the state.
CREATE OR REPLACE TEMP TABLE old_value AS
SELECT unit_value.*
FROM old_unit
JOIN unit_value
  ON unit_value.phase_id = old_unit.phase_id
  AND unit_value.kind = old_unit.kind
  AND unit_value.id = old_unit.id;

CREATE OR REPLACE TEMP TABLE gone_value AS
SELECT * FROM old_value EXCEPT SELECT * FROM new_value;

CREATE OR REPLACE TEMP TABLE came_value AS
SELECT * FROM new_value EXCEPT SELECT * FROM old_value;

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
  sum(sign * (1 - counted))
FROM (
  SELECT
    phase_id, arm, metric_id, day, sign,
    CASE WHEN refused THEN 0 ELSE 1 END AS counted,
    CAST(y AS HUGEINT) AS y,
    CAST(d AS HUGEINT) AS d,
    CAST(capped_y AS HUGEINT) AS capped_y
  FROM (
    SELECT came_value.*, 1 AS sign FROM came_value
    UNION ALL
    SELECT gone_value.*, -1 AS sign FROM gone_value
  ) AS change
) AS exact
GROUP BY phase_id, arm, metric_id, day;

DELETE FROM unit_value
USING gone_value
WHERE unit_value.phase_id = gone_value.phase_id
  AND unit_value.metric_id = gone_value.metric_id
  AND unit_value.kind = gone_value.kind
  AND unit_value.id = gone_value.id;

INSERT INTO unit_value
SELECT * FROM came_value;

SELECT (SELECT count(*) FROM came_value) - (SELECT count(*) FROM gone_value);
