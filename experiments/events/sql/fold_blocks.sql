-- First events by exposure day and block, whether or not the window has closed.
CREATE OR REPLACE TEMP TABLE new_block AS
SELECT
  unit.phase_id, metric.metric_id, unit.kind, unit.id, unit.arm,
  unit.exposed_at - unit.exposed_at % 86400000 AS day, detail.y AS block, unit.subject
FROM detail
JOIN metric
  ON metric.phase_id = detail.phase_id
  AND metric.metric_id = detail.metric_id
  AND metric.kind = 'TIME_TO_EVENT'
JOIN new_unit AS unit
  ON unit.phase_id = detail.phase_id
  AND unit.subject = detail.unit_subject;

CREATE OR REPLACE TEMP TABLE old_block AS
SELECT unit_block.*
FROM (SELECT DISTINCT subject FROM old_unit) AS known
JOIN unit_block ON unit_block.subject = known.subject;

CREATE OR REPLACE TEMP TABLE gone_block AS
SELECT * FROM old_block EXCEPT SELECT * FROM new_block;

CREATE OR REPLACE TEMP TABLE came_block AS
SELECT * FROM new_block EXCEPT SELECT * FROM old_block;

INSERT INTO block_delta (phase_id, metric_id, arm, day, block, units)
SELECT phase_id, metric_id, arm, day, block, sum(sign)
FROM (
  SELECT came_block.*, 1 AS sign FROM came_block
  UNION ALL
  SELECT gone_block.*, -1 AS sign FROM gone_block
) AS change
GROUP BY phase_id, metric_id, arm, day, block;

DELETE FROM unit_block
USING gone_block
WHERE unit_block.phase_id = gone_block.phase_id
  AND unit_block.metric_id = gone_block.metric_id
  AND unit_block.subject = gone_block.subject;

INSERT INTO unit_block SELECT * FROM came_block;
