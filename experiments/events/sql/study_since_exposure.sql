-- How the units of metrics came to their values: for each metric, arm and 24-hour block
-- since exposure, what the block added to the sums over units. Units without an event in
-- a block add nothing there; whoever asks adds the blocks up. Many metrics of one
-- environment are asked at once, so that its cells are read once for all of them. A
-- funnel's depth grows by one in the block in which a step was first done at or after the
-- step before it; what comes later takes none of them back.
WITH RECURSIVE asked AS (
  SELECT
    unnest(CAST($phase_ids AS UUID[])) AS phase_id,
    unnest(CAST($metric_ids AS UUID[])) AS metric_id,
    unnest(CAST($kinds AS VARCHAR[])) AS metric_kind,
    unnest(CAST($weeks AS BIGINT[])) AS weeks,
    unnest(CAST($opens_after AS BIGINT[])) AS opens_after,
    unnest(CAST($observed AS BIGINT[])) AS observed,
    unnest(CAST($last_exposed_at AS BIGINT[])) AS last_exposed_at
),
side AS (
  SELECT asked.*, TRUE AS is_numerator, metric.numerator_id AS source_id
  FROM asked
  JOIN metric
    ON metric.phase_id = asked.phase_id AND metric.metric_id = asked.metric_id
  WHERE asked.metric_kind <> 'FUNNEL'
  UNION ALL
  SELECT asked.*, FALSE, metric.denominator_id
  FROM asked
  JOIN metric
    ON metric.phase_id = asked.phase_id AND metric.metric_id = asked.metric_id
  WHERE metric.denominator_id IS NOT NULL
),
person AS (
  SELECT
    unit.phase_id, unit.subject AS unit_subject, unit.arm, unit.exposed_at,
    CASE WHEN link.owner IS NULL THEN unit.kind ELSE 'user' END AS kind,
    coalesce(link.user_id, unit.id) AS id,
    coalesce(link.owner, unit.subject) AS subject
  FROM unit
  LEFT JOIN link ON link.subject = unit.subject
  WHERE unit.phase_id IN (SELECT phase_id FROM asked)
    AND NOT unit.in_gap
    AND NOT unit.linked
),
spell AS (
  SELECT
    user_id, owner, occurred_at AS valid_from,
    lead(occurred_at, 1, CAST(9007199254740991 AS BIGINT)) OVER (
      PARTITION BY subject ORDER BY occurred_at, event_id
    ) AS valid_to
  FROM membership
  WHERE environment_id = $environment_id
),
filing AS (
  SELECT
    phase_id, unit_subject, arm, exposed_at, subject,
    CAST(0 AS BIGINT) AS valid_from, CAST(9007199254740991 AS BIGINT) AS valid_to
  FROM person
  UNION ALL
  SELECT
    phase_id, unit_subject, arm, exposed_at,
    subject_of(CAST($environment_id AS UUID), 'member', id),
    CAST(0 AS BIGINT), CAST(9007199254740991 AS BIGINT)
  FROM person
  WHERE kind = 'user'
  UNION ALL
  SELECT
    person.phase_id, person.unit_subject, person.arm, person.exposed_at, link.subject,
    CAST(0 AS BIGINT), CAST(9007199254740991 AS BIGINT)
  FROM person
  JOIN link ON link.owner = person.subject
  WHERE person.kind = 'user'
  UNION ALL
  SELECT
    person.phase_id, person.unit_subject, person.arm, person.exposed_at,
    subject_of(CAST($environment_id AS UUID), 'member', spell.user_id),
    spell.valid_from, spell.valid_to
  FROM person
  JOIN spell ON spell.owner = person.subject
  WHERE person.kind = 'account'
),
block AS (
  SELECT
    phase_id, metric_id, metric_kind, weeks, opens_after,
    unit_subject, arm, began_at,
    sum(events) AS events, sum(numerator) AS numerator, sum(denominator) AS denominator
  FROM (
    SELECT
      side.phase_id, side.metric_id, side.metric_kind, side.weeks, side.opens_after,
      filing.unit_subject, filing.arm,
      cell_row.occurred_at - filing.exposed_at
        - (cell_row.occurred_at - filing.exposed_at) % 86400000 AS began_at,
      CASE WHEN side.is_numerator THEN 1 ELSE 0 END AS events,
      CASE WHEN side.is_numerator THEN cell_row.steps ELSE 0 END AS numerator,
      CASE WHEN side.is_numerator THEN 0 ELSE cell_row.steps END AS denominator
    FROM filing
    JOIN side
      ON side.phase_id = filing.phase_id
      AND filing.exposed_at <= side.last_exposed_at
    JOIN cell_row
      ON cell_row.subject = filing.subject
      AND cell_row.source_id = side.source_id
      AND cell_row.occurred_at >= filing.valid_from
      AND cell_row.occurred_at < filing.valid_to
      AND cell_row.occurred_at >= filing.exposed_at + side.opens_after
      AND cell_row.occurred_at < filing.exposed_at + side.observed
  ) AS happened
  GROUP BY
    phase_id, metric_id, metric_kind, weeks, opens_after,
    unit_subject, arm, began_at
),
done AS (
  SELECT
    filing.phase_id, asked.metric_id, filing.unit_subject, filing.arm,
    filing.exposed_at, metric_step.place, cell_row.occurred_at
  FROM filing
  JOIN asked
    ON asked.phase_id = filing.phase_id
    AND asked.metric_kind = 'FUNNEL'
    AND filing.exposed_at <= asked.last_exposed_at
  JOIN metric_step
    ON metric_step.phase_id = asked.phase_id
    AND metric_step.metric_id = asked.metric_id
  JOIN cell_row
    ON cell_row.subject = filing.subject
    AND cell_row.source_id = metric_step.source_id
    AND cell_row.occurred_at >= filing.valid_from
    AND cell_row.occurred_at < filing.valid_to
    AND cell_row.occurred_at >= filing.exposed_at + asked.opens_after
    AND cell_row.occurred_at < filing.exposed_at + asked.observed
  GROUP BY
    filing.phase_id, asked.metric_id, filing.unit_subject, filing.arm,
    filing.exposed_at, metric_step.place, cell_row.occurred_at
),
hop AS (
  SELECT
    phase_id, metric_id, unit_subject, place, occurred_at, is_next,
    min(CASE WHEN is_next THEN occurred_at END) OVER (
      PARTITION BY phase_id, metric_id, unit_subject, place
      ORDER BY occurred_at, is_next
      ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
    ) AS next_at
  FROM (
    SELECT phase_id, metric_id, unit_subject, place, occurred_at, FALSE AS is_next
    FROM done
    UNION ALL
    SELECT phase_id, metric_id, unit_subject, place - 1, occurred_at, TRUE
    FROM done
  ) AS pair
),
reached AS (
  SELECT
    phase_id, metric_id, unit_subject, arm, exposed_at, place,
    min(occurred_at) AS reached_at
  FROM done
  WHERE place = 1
  GROUP BY phase_id, metric_id, unit_subject, arm, exposed_at, place
  UNION ALL
  SELECT
    reached.phase_id, reached.metric_id, reached.unit_subject, reached.arm,
    reached.exposed_at, reached.place + 1, hop.next_at
  FROM reached
  JOIN hop
    ON hop.phase_id = reached.phase_id
    AND hop.metric_id = reached.metric_id
    AND hop.unit_subject = reached.unit_subject
    AND hop.place = reached.place
    AND hop.occurred_at = reached.reached_at
  WHERE NOT hop.is_next AND hop.next_at IS NOT NULL
),
added AS (
  SELECT
    phase_id, metric_id, unit_subject, arm, began_at,
    CAST(
      CASE
        WHEN metric_kind = 'RETENTION' THEN 1
        WHEN metric_kind IN ('CONVERSION', 'TIME_TO_EVENT')
          THEN CASE WHEN place = 1 THEN 1 ELSE 0 END
        WHEN metric_kind = 'CADENCE'
          THEN CASE WHEN week_place = 1 AND week < weeks THEN 1 ELSE 0 END
        ELSE numerator
      END AS HUGEINT
    ) AS y,
    CAST(
      CASE metric_kind
        WHEN 'MEAN' THEN events
        WHEN 'RATIO' THEN denominator
        ELSE 0
      END AS HUGEINT
    ) AS d
  FROM (
    SELECT
      placed.*,
      row_number() OVER (
        PARTITION BY phase_id, metric_id, unit_subject, week ORDER BY began_at
      ) AS week_place
    FROM (
      SELECT
        block.*,
        began_at - opens_after - (began_at - opens_after) % 604800000 AS week,
        row_number() OVER (
          PARTITION BY phase_id, metric_id, unit_subject ORDER BY began_at
        ) AS place
      FROM block
    ) AS placed
  ) AS counted
  UNION ALL
  SELECT
    phase_id, metric_id, unit_subject, arm, began_at,
    CAST(count(*) AS HUGEINT), CAST(0 AS HUGEINT)
  FROM (
    SELECT
      reached.*,
      reached_at - exposed_at - (reached_at - exposed_at) % 86400000 AS began_at
    FROM reached
  ) AS deeper
  GROUP BY phase_id, metric_id, unit_subject, arm, began_at
)
SELECT
  phase_id, metric_id, arm, began_at,
  sum(y), sum(all_y * all_y - (all_y - y) * (all_y - y)),
  sum(d), sum(all_d * all_d - (all_d - d) * (all_d - d)),
  sum(all_y * all_d - (all_y - y) * (all_d - d))
FROM (
  SELECT
    phase_id, metric_id, arm, began_at, y, d,
    CAST(sum(y) OVER so_far AS HUGEINT) AS all_y,
    CAST(sum(d) OVER so_far AS HUGEINT) AS all_d
  FROM added
  WINDOW so_far AS (
    PARTITION BY phase_id, metric_id, unit_subject ORDER BY began_at
  )
) AS grown
GROUP BY phase_id, metric_id, arm, began_at;
