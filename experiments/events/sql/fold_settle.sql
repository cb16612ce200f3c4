-- Replace the old values by the new ones; `change` is the difference. What is stored is
-- looked through by one digest alone, and what goes is found again by its row.
CREATE OR REPLACE TEMP TABLE old_value AS
SELECT
  unit_value.phase_id, unit_value.metric_id, unit_value.subject, unit_value.arm,
  unit_value.day, unit_value.y, unit_value.d, unit_value.capped_y, unit_value.refused,
  unit_value.levels, unit_value.x, unit_value.capped_x, unit_value.w, unit_value.m,
  unit_value.rowid AS stored_row
FROM (SELECT DISTINCT subject FROM old_unit) AS known
JOIN unit_value ON unit_value.subject = known.subject;

CREATE OR REPLACE TEMP TABLE gone_value AS
SELECT
  phase_id, metric_id, subject, arm, day, y, d, capped_y, refused, levels, x, capped_x, w,
  m
FROM old_value
EXCEPT
SELECT
  phase_id, metric_id, subject, arm, day, y, d, capped_y, refused, levels, x, capped_x, w,
  m
FROM new_value;

CREATE OR REPLACE TEMP TABLE came_value AS
SELECT
  phase_id, metric_id, subject, arm, day, y, d, capped_y, refused, levels, x, capped_x, w,
  m
FROM new_value
EXCEPT
SELECT
  phase_id, metric_id, subject, arm, day, y, d, capped_y, refused, levels, x, capped_x, w,
  m
FROM old_value;

CREATE OR REPLACE TEMP TABLE change AS
SELECT came_value.*, 1 AS sign FROM came_value
UNION ALL
SELECT gone_value.*, -1 AS sign FROM gone_value;

DELETE FROM unit_value
USING (
  SELECT old_value.stored_row
  FROM gone_value
  JOIN old_value
    ON old_value.subject = gone_value.subject
    AND old_value.phase_id = gone_value.phase_id
    AND old_value.metric_id = gone_value.metric_id
) AS gone
WHERE unit_value.rowid = gone.stored_row;

INSERT INTO unit_value
SELECT new_value.*
FROM came_value
JOIN new_value
  ON new_value.subject = came_value.subject
  AND new_value.phase_id = came_value.phase_id
  AND new_value.metric_id = came_value.metric_id;

SELECT CAST(coalesce(sum(sign), 0) AS BIGINT), count(*) FROM change;
