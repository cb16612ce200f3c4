-- Distinct units with an event from each of some instants on. A unit counts for every
-- instant up to its last event, so one pass finds those, and a running sum all counts.
-- An anonymous id that is linked counts as its user.
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
    event.occurred_at,
    CASE
      WHEN CAST($unit AS VARCHAR) = 'ACCOUNT' THEN 'account'
      WHEN coalesce(event.user_id, link.user_id) IS NULL THEN 'anonymous'
      ELSE 'user'
    END AS kind,
    CASE
      WHEN CAST($unit AS VARCHAR) = 'ACCOUNT'
        THEN coalesce(event.account_id, spell.account_id)
      ELSE coalesce(event.user_id, link.user_id, event.anonymous_id)
    END AS id
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
parted AS (
  SELECT last_at AS instant, FALSE AS is_asked, count(*) AS units
  FROM (
    SELECT max(occurred_at) AS last_at
    FROM seen
    WHERE id IS NOT NULL
    GROUP BY kind, id
  ) AS lasting
  GROUP BY last_at
  UNION ALL
  SELECT unnest(CAST($instants AS BIGINT[])), TRUE, 0
)
SELECT instant, units
FROM (
  SELECT
    instant, is_asked,
    sum(units) OVER (
      ORDER BY instant DESC, is_asked ROWS UNBOUNDED PRECEDING
    ) AS units
  FROM parted
) AS counted
WHERE is_asked;
