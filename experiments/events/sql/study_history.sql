-- The units of a period by their first event in it, a part of them if they are too many,
-- with the events of some names in the window that opens after it. A unit without such
-- an event has one row without a name. Windows lie wholly inside the period.
WITH spell AS (
  SELECT
    user_id, account_id, occurred_at AS valid_from,
    lead(occurred_at, 1, CAST(9007199254740991 AS BIGINT)) OVER (
      PARTITION BY user_id ORDER BY occurred_at, event_id
    ) AS valid_to
  FROM membership
  WHERE environment_id = $environment_id
),
seen AS (
  SELECT
    CASE
      WHEN CAST($unit AS VARCHAR) = 'ACCOUNT' THEN 'account'
      WHEN coalesce(event.user_id, link.user_id) IS NULL THEN 'anonymous'
      ELSE 'user'
    END AS kind,
    CASE
      WHEN CAST($unit AS VARCHAR) = 'ACCOUNT'
        THEN coalesce(event.account_id, spell.account_id)
      ELSE coalesce(event.user_id, link.user_id, event.anonymous_id)
    END AS id,
    event.id AS event_id, event.name, event.occurred_at, event.value, event.properties
  FROM event
  LEFT JOIN link
    ON event.user_id IS NULL
    AND link.environment_id = event.environment_id
    AND link.anonymous_id = event.anonymous_id
  LEFT JOIN spell
    ON event.account_id IS NULL
    AND spell.user_id = event.user_id
    AND event.occurred_at >= spell.valid_from
    AND event.occurred_at < spell.valid_to
  WHERE event.environment_id = $environment_id
    AND event.occurred_at >= $since
    AND event.occurred_at < $until
),
met AS (
  SELECT kind, id, min(occurred_at) AS first_at
  FROM seen
  WHERE id IS NOT NULL
  GROUP BY kind, id
),
ranked AS (
  SELECT
    kind, id, first_at,
    count(*) OVER () AS population,
    row_number() OVER (ORDER BY md5(id), kind, id) AS place
  FROM met
  WHERE first_at <= CAST($until AS BIGINT) - CAST($closes_after AS BIGINT)
)
SELECT
  ranked.population, ranked.kind, ranked.id, seen.name,
  seen.occurred_at - ranked.first_at AS since,
  CAST(seen.value AS VARCHAR), seen.properties
FROM ranked
LEFT JOIN seen
  ON seen.kind = ranked.kind
  AND seen.id = ranked.id
  AND seen.name IN (SELECT unnest(CAST($names AS VARCHAR[])))
  AND seen.occurred_at >= ranked.first_at + CAST($opens_after AS BIGINT)
  AND seen.occurred_at < ranked.first_at + CAST($closes_after AS BIGINT)
WHERE ranked.place <= CAST($units AS BIGINT)
ORDER BY ranked.kind, ranked.id, seen.occurred_at, seen.event_id
LIMIT $limit;
