-- What is filed under the ids of these units' persons: of what is stored, the digests are
-- read once, and the rest of the few rows that they find.
CREATE OR REPLACE TEMP TABLE near AS
SELECT DISTINCT scope.subject
FROM due
JOIN scope ON scope.person = due.person
WHERE NOT due.linked;

CREATE OR REPLACE TEMP TABLE near_cell AS
SELECT cell.subject, cell.source_id, cell.day, cell.events, cell.total
FROM near
JOIN cell ON cell.subject = near.subject;

CREATE OR REPLACE TEMP TABLE near_row AS
SELECT
  cell_row.subject, cell_row.source_id, cell_row.day, cell_row.occurred_at, cell_row.steps
FROM near
JOIN cell_row ON cell_row.subject = near.subject;

-- The values of these units. Whole days inside a window are read as sums, a day that the
-- window cuts event by event.
CREATE OR REPLACE TEMP TABLE asked AS
SELECT
  due.phase_id, due.metric_id, due.subject AS unit_subject, side.part,
  CASE WHEN side.part IN ('y', 'x') THEN due.numerator_id ELSE due.denominator_id END
    AS source_id,
  scope.subject,
  greatest(
    CASE
      WHEN side.part IN ('y', 'd') THEN due.opens_at
      ELSE due.exposed_at - due.looks_back
    END,
    scope.valid_from
  ) AS opens_at,
  least(
    CASE WHEN side.part IN ('y', 'd') THEN due.closes_at ELSE due.exposed_at END,
    scope.valid_to
  ) AS closes_at
FROM due
JOIN scope ON scope.person = due.person
JOIN (
  SELECT 'y' AS part UNION ALL SELECT 'd' UNION ALL SELECT 'x' UNION ALL SELECT 'w'
) AS side
  ON (side.part IN ('y', 'x') OR due.denominator_id IS NOT NULL)
  AND (side.part IN ('y', 'd') OR due.looks_back > 0)
WHERE NOT due.linked;

CREATE OR REPLACE TEMP TABLE summed AS
SELECT
  phase_id, metric_id, unit_subject,
  sum(CASE WHEN part = 'y' THEN events ELSE 0 END) AS events,
  sum(CASE WHEN part = 'y' THEN total ELSE CAST(0 AS HUGEINT) END) AS numerator,
  sum(CASE WHEN part = 'd' THEN total ELSE CAST(0 AS HUGEINT) END) AS denominator,
  sum(CASE WHEN part = 'x' THEN events ELSE 0 END) AS events_before,
  sum(CASE WHEN part = 'x' THEN total ELSE CAST(0 AS HUGEINT) END) AS numerator_before,
  sum(CASE WHEN part = 'w' THEN total ELSE CAST(0 AS HUGEINT) END) AS denominator_before
FROM (
  SELECT
    asked.phase_id, asked.metric_id, asked.unit_subject,
    asked.part, cell.events, cell.total
  FROM asked
  JOIN near_cell AS cell
    ON cell.subject = asked.subject
    AND cell.source_id = asked.source_id
    AND cell.day >= asked.opens_at
    AND cell.day + 86400000 <= asked.closes_at
  UNION ALL
  SELECT
    asked.phase_id, asked.metric_id, asked.unit_subject,
    asked.part, CAST(1 AS BIGINT), CAST(cell_row.steps AS HUGEINT)
  FROM asked
  JOIN near_row AS cell_row
    ON cell_row.subject = asked.subject
    AND cell_row.source_id = asked.source_id
    AND cell_row.occurred_at >= asked.opens_at
    AND cell_row.occurred_at < asked.closes_at
  WHERE cell_row.day < asked.opens_at OR cell_row.day + 86400000 > asked.closes_at
) AS part
GROUP BY phase_id, metric_id, unit_subject;

CREATE OR REPLACE TEMP TABLE new_value AS
SELECT
  phase_id, metric_id, kind, id, arm, day,
  CAST(CASE WHEN refused THEN 0 ELSE y END AS BIGINT) AS y,
  CAST(CASE WHEN refused THEN 0 ELSE d END AS BIGINT) AS d,
  CAST(CASE WHEN refused THEN 0 WHEN cap < y THEN cap ELSE y END AS BIGINT) AS capped_y,
  refused, levels,
  CAST(CASE WHEN refused OR m = 1 THEN 0 ELSE x END AS BIGINT) AS x,
  CAST(CASE WHEN refused OR m = 1 THEN 0 WHEN cap < x THEN cap ELSE x END AS BIGINT)
    AS capped_x,
  CAST(CASE WHEN refused OR m = 1 THEN 0 ELSE w END AS BIGINT) AS w,
  CAST(CASE WHEN refused THEN 0 ELSE m END AS BIGINT) AS m,
  subject
FROM (
  SELECT
    raw.*,
    abs(y) > 1000000000000000 OR abs(d) > 1000000000000000 AS refused,
    greatest(least(numerator_before, 1000000000000000), -1000000000000000) AS x,
    greatest(least(denominator_before, 1000000000000000), -1000000000000000) AS w
  FROM (
    SELECT
      due.phase_id, due.metric_id, due.kind, due.id, due.subject, due.arm, due.day,
      due.cap, due.levels,
      CASE
        WHEN due.metric_kind IN ('CADENCE', 'FUNNEL') THEN coalesce(detail.y, 0)
        WHEN due.metric_kind = 'TIME_TO_EVENT'
          THEN coalesce(detail.y, CAST((due.closes_at - due.opens_at) / 86400000 AS BIGINT))
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
      END AS d,
      CASE
        WHEN summed.events IS NULL THEN CAST(0 AS HUGEINT)
        WHEN due.metric_kind = 'COUNT' THEN summed.events_before
        WHEN due.metric_kind IN ('SUM', 'MEAN', 'RATIO', 'QUANTILE')
          THEN summed.numerator_before
        WHEN summed.events_before > 0 THEN 1
        ELSE 0
      END AS numerator_before,
      CASE
        WHEN summed.events IS NULL THEN CAST(0 AS HUGEINT)
        WHEN due.metric_kind = 'MEAN' THEN summed.events_before
        WHEN due.metric_kind = 'RATIO' THEN summed.denominator_before
        ELSE 0
      END AS denominator_before,
      CASE
        WHEN due.looks_back = 0 THEN 0
        WHEN due.linked OR known_since.first_at IS NULL THEN 1
        WHEN known_since.first_at < due.exposed_at - due.looks_back THEN 0
        ELSE 1
      END AS m
    FROM due
    LEFT JOIN summed
      ON summed.phase_id = due.phase_id
      AND summed.metric_id = due.metric_id
      AND summed.unit_subject = due.subject
    LEFT JOIN detail
      ON detail.phase_id = due.phase_id
      AND detail.metric_id = due.metric_id
      AND detail.unit_subject = due.subject
    LEFT JOIN known_since ON known_since.person = due.person
  ) AS raw
) AS judged;
