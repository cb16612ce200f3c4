-- The values of these units in every metric whose window has closed. Whole days inside a
-- window are read as sums, a day that the window cuts event by event.
CREATE OR REPLACE TEMP TABLE due AS
SELECT
  unit.phase_id, metric.metric_id, unit.kind, unit.id, unit.arm, unit.linked,
  unit.person_kind, unit.person_id, metric.kind AS metric_kind, metric.cap,
  metric.numerator_id, metric.denominator_id,
  unit.exposed_at - unit.exposed_at % 86400000 AS day,
  unit.exposed_at + metric.opens_after AS opens_at,
  unit.exposed_at + metric.closes_after AS closes_at
FROM new_unit AS unit
JOIN metric ON metric.phase_id = unit.phase_id
WHERE NOT unit.in_gap
  AND unit.exposed_at <= CAST($watermark AS BIGINT) - metric.closes_after;

CREATE OR REPLACE TEMP TABLE asked AS
SELECT
  due.phase_id, due.metric_id, due.kind AS unit_kind, due.id AS unit_id,
  side.is_numerator,
  CASE WHEN side.is_numerator THEN due.numerator_id ELSE due.denominator_id END
    AS source_id,
  scope.kind, scope.id,
  greatest(due.opens_at, scope.valid_from) AS opens_at,
  least(due.closes_at, scope.valid_to) AS closes_at
FROM due
JOIN scope
  ON scope.person_kind = due.person_kind AND scope.person_id = due.person_id
JOIN (SELECT TRUE AS is_numerator UNION ALL SELECT FALSE) AS side
  ON side.is_numerator OR due.denominator_id IS NOT NULL
WHERE NOT due.linked;

CREATE OR REPLACE TEMP TABLE summed AS
SELECT
  phase_id, metric_id, unit_kind, unit_id,
  sum(CASE WHEN is_numerator THEN events ELSE 0 END) AS events,
  sum(CASE WHEN is_numerator THEN total ELSE CAST(0 AS HUGEINT) END) AS numerator,
  sum(CASE WHEN is_numerator THEN CAST(0 AS HUGEINT) ELSE total END) AS denominator
FROM (
  SELECT
    asked.phase_id, asked.metric_id, asked.unit_kind, asked.unit_id,
    asked.is_numerator, cell.events, cell.total
  FROM asked
  JOIN cell
    ON cell.environment_id = $environment_id
    AND cell.source_id = asked.source_id
    AND cell.kind = asked.kind
    AND cell.id = asked.id
    AND cell.day >= asked.opens_at
    AND cell.day + 86400000 <= asked.closes_at
  UNION ALL
  SELECT
    asked.phase_id, asked.metric_id, asked.unit_kind, asked.unit_id,
    asked.is_numerator, CAST(1 AS BIGINT), CAST(cell_row.steps AS HUGEINT)
  FROM asked
  JOIN cell_row
    ON cell_row.environment_id = $environment_id
    AND cell_row.source_id = asked.source_id
    AND cell_row.kind = asked.kind
    AND cell_row.id = asked.id
    AND cell_row.occurred_at >= asked.opens_at
    AND cell_row.occurred_at < asked.closes_at
  WHERE cell_row.day < asked.opens_at OR cell_row.day + 86400000 > asked.closes_at
) AS part
GROUP BY phase_id, metric_id, unit_kind, unit_id;

CREATE OR REPLACE TEMP TABLE new_value AS
SELECT
  phase_id, metric_id, kind, id, arm, day,
  CAST(CASE WHEN refused THEN 0 ELSE y END AS BIGINT) AS y,
  CAST(CASE WHEN refused THEN 0 ELSE d END AS BIGINT) AS d,
  CAST(CASE WHEN refused THEN 0 WHEN cap < y THEN cap ELSE y END AS BIGINT) AS capped_y,
  refused
FROM (
  SELECT raw.*, abs(y) > 1000000000000000 OR abs(d) > 1000000000000000 AS refused
  FROM (
    SELECT
      due.phase_id, due.metric_id, due.kind, due.id, due.arm, due.day, due.cap,
      CASE
        WHEN summed.events IS NULL THEN CAST(0 AS HUGEINT)
        WHEN due.metric_kind IN ('CONVERSION', 'RETENTION')
          THEN CASE WHEN summed.events > 0 THEN 1 ELSE 0 END
        WHEN due.metric_kind = 'COUNT' THEN summed.events
        ELSE summed.numerator
      END AS y,
      CASE
        WHEN summed.events IS NULL THEN CAST(0 AS HUGEINT)
        WHEN due.metric_kind = 'MEAN' THEN summed.events
        WHEN due.metric_kind = 'RATIO' THEN summed.denominator
        ELSE 0
      END AS d
    FROM due
    LEFT JOIN summed
      ON summed.phase_id = due.phase_id
      AND summed.metric_id = due.metric_id
      AND summed.unit_kind = due.kind
      AND summed.unit_id = due.id
  ) AS raw
) AS judged;
