-- The events of sources by UTC day: how many, whose, and whether they carry a value.
WITH spell AS (
  SELECT
    user_id, account_id, occurred_at AS valid_from,
    lead(occurred_at, 1, CAST(9007199254740991 AS BIGINT)) OVER (
      PARTITION BY user_id ORDER BY occurred_at, event_id
    ) AS valid_to
  FROM membership
  WHERE environment_id = $environment_id
),
source_asked AS (
  SELECT
    unnest(CAST($places AS BIGINT[])) AS place,
    unnest(CAST($names AS VARCHAR[])) AS name,
    unnest(CAST($read AS VARCHAR[])) AS property
),
asked AS (
  SELECT
    unnest(CAST($filtered AS BIGINT[])) AS place,
    unnest(CAST($properties AS VARCHAR[])) AS property,
    unnest(CAST($operators AS VARCHAR[])) AS operator,
    unnest(CAST($values AS VARCHAR[])) AS asked
)
SELECT
  place, day, count(*), max(occurred_at),
  sum(CASE WHEN person IS NULL THEN 1 ELSE 0 END),
  sum(CASE WHEN account_id IS NULL THEN 1 ELSE 0 END),
  sum(CASE WHEN value IS NULL THEN 1 ELSE 0 END)
FROM (
  SELECT
    source_asked.place,
    event.occurred_at - event.occurred_at % 86400000 AS day, event.occurred_at,
    coalesce(event.user_id, event.anonymous_id) AS person,
    coalesce(event.account_id, spell.account_id) AS account_id,
    CASE
      WHEN source_asked.property IS NULL THEN event.value
      ELSE property_number(property_text(event.properties, source_asked.property))
    END AS value
  FROM source_asked
  JOIN event ON event.name = source_asked.name
  LEFT JOIN spell
    ON event.account_id IS NULL
    AND spell.user_id = event.user_id
    AND event.occurred_at >= spell.valid_from
    AND event.occurred_at < spell.valid_to
  WHERE event.environment_id = $environment_id
    AND event.occurred_at >= $since
    AND event.occurred_at < $until
    AND NOT EXISTS (
      SELECT 1 FROM asked
      WHERE asked.place = source_asked.place AND NOT passes(
        property_text(event.properties, asked.property), asked.operator, asked.asked
      )
    )
) AS named
GROUP BY place, day
ORDER BY place, day
LIMIT $limit;
