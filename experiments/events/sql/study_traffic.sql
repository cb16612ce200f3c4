-- Distinct units on each UTC day of a period, and those whose first event in the period
-- was on that day. An anonymous id that is linked counts as its user.
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
  SELECT DISTINCT
    event.occurred_at - event.occurred_at % 86400000 AS day,
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
)
SELECT day, count(*), sum(CASE WHEN day = first_day THEN 1 ELSE 0 END)
FROM (
  SELECT day, min(day) OVER (PARTITION BY kind, id) AS first_day
  FROM seen
  WHERE id IS NOT NULL
) AS placed
GROUP BY day
ORDER BY day
LIMIT $limit;
