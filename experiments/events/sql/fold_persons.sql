-- A person is a user with the anonymous ids linked to them, or one id alone; an account
-- stands for itself, and for whatever its members did without naming an account.
CREATE OR REPLACE TEMP TABLE person AS
SELECT
  CASE WHEN link.user_id IS NULL THEN stirred.kind ELSE 'user' END AS person_kind,
  coalesce(link.user_id, stirred.id) AS person_id
FROM stirred
LEFT JOIN link
  ON stirred.kind = 'anonymous'
  AND link.environment_id = $environment_id
  AND link.anonymous_id = stirred.id
WHERE stirred.kind <> 'account'
UNION
SELECT 'account', id FROM stirred WHERE kind = 'account'
UNION
SELECT 'account', membership.account_id
FROM stirred
JOIN membership
  ON membership.environment_id = $environment_id AND membership.user_id = stirred.id
WHERE stirred.kind = 'user';

-- Where each person's events are filed: under `kind` and `id`, from `valid_from` to
-- before `valid_to`. `unit_kind` and `unit_id` are what was hashed, and `joined_at`
-- is the instant from which that id is known to be this person.
CREATE OR REPLACE TEMP TABLE scope AS
SELECT
  'USER' AS unit, person.person_kind, person.person_id,
  person.person_kind AS unit_kind, person.person_id AS unit_id,
  CAST(0 AS BIGINT) AS joined_at,
  filing.kind, person.person_id AS id,
  CAST(0 AS BIGINT) AS valid_from, CAST(9007199254740991 AS BIGINT) AS valid_to
FROM person
JOIN (
  SELECT 'anonymous' AS person_kind, 'anonymous' AS kind
  UNION ALL SELECT 'user', 'user'
  UNION ALL SELECT 'user', 'member'
) AS filing ON filing.person_kind = person.person_kind
UNION ALL
SELECT
  'USER', 'user', link.user_id, 'anonymous', link.anonymous_id, link.occurred_at,
  'anonymous', link.anonymous_id,
  CAST(0 AS BIGINT), CAST(9007199254740991 AS BIGINT)
FROM person
JOIN link
  ON link.environment_id = $environment_id AND link.user_id = person.person_id
WHERE person.person_kind = 'user'
UNION ALL
SELECT
  'ACCOUNT', 'account', person_id, 'account', person_id, CAST(0 AS BIGINT),
  'account', person_id,
  CAST(0 AS BIGINT), CAST(9007199254740991 AS BIGINT)
FROM person
WHERE person_kind = 'account'
UNION ALL
SELECT
  'ACCOUNT', 'account', spell.account_id, 'account', spell.account_id, CAST(0 AS BIGINT),
  'member', spell.user_id, spell.valid_from, spell.valid_to
FROM (
  SELECT
    user_id, account_id, occurred_at AS valid_from,
    lead(occurred_at, 1, CAST(9007199254740991 AS BIGINT)) OVER (
      PARTITION BY user_id ORDER BY occurred_at, event_id
    ) AS valid_to
  FROM membership
  WHERE environment_id = $environment_id
    AND user_id IN (
      SELECT other.user_id
      FROM membership AS other
      JOIN person ON person.person_id = other.account_id
      WHERE other.environment_id = $environment_id AND person.person_kind = 'account'
    )
) AS spell
JOIN person
  ON person.person_kind = 'account' AND person.person_id = spell.account_id;
