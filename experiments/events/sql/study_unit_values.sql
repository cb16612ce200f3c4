-- The matured units of one metric with their values, and the account of each unit's
-- person: the one on the exposure, else the membership in force at that instant.
WITH spell AS (
  SELECT
    user_id, account_id, occurred_at AS valid_from,
    lead(occurred_at, 1, CAST(9007199254740991 AS BIGINT)) OVER (
      PARTITION BY user_id ORDER BY occurred_at, event_id
    ) AS valid_to
  FROM membership
  WHERE environment_id = $environment_id
),
named AS (
  SELECT event_id, min(id) AS account_id
  FROM exposure
  WHERE environment_id = $environment_id
    AND experiment_key = $experiment_key
    AND kind = 'account'
  GROUP BY event_id
)
SELECT
  unit.kind, unit.id, unit.arm, unit.exposed_at,
  unit_value.y, unit_value.d, unit_value.capped_y, unit_value.capped_x AS x, unit_value.w, unit_value.m,
  CASE
    WHEN unit.kind = 'account' THEN unit.id
    ELSE coalesce(named.account_id, spell.account_id)
  END AS cluster,
  unit.levels
FROM unit_value
JOIN unit
  ON unit.phase_id = unit_value.phase_id
  AND unit.kind = unit_value.kind
  AND unit.id = unit_value.id
LEFT JOIN link
  ON unit.kind = 'anonymous'
  AND link.environment_id = $environment_id
  AND link.anonymous_id = unit.id
LEFT JOIN named ON named.event_id = unit.event_id
LEFT JOIN spell
  ON spell.user_id = CASE unit.kind WHEN 'user' THEN unit.id ELSE link.user_id END
  AND unit.kind <> 'account'
  AND unit.exposed_at >= spell.valid_from
  AND unit.exposed_at < spell.valid_to
WHERE unit_value.phase_id = $phase_id
  AND unit_value.metric_id = $metric_id
  AND NOT unit_value.refused
ORDER BY unit.kind, unit.id
LIMIT $limit;
