-- A person is a user with the anonymous ids linked to them, or one id alone; an account
-- stands for itself, and for whatever its members did without naming an account.
CREATE OR REPLACE TEMP TABLE person AS
SELECT
  CASE WHEN link.owner IS NULL THEN stirred.kind ELSE 'user' END AS person_kind,
  coalesce(link.user_id, stirred.id) AS person_id,
  coalesce(link.owner, stirred.subject) AS person
FROM stirred
LEFT JOIN link ON link.subject = stirred.subject
WHERE stirred.kind <> 'account'
UNION
SELECT 'account', id, subject FROM stirred WHERE kind = 'account'
UNION
SELECT 'account', membership.account_id, membership.owner
FROM stirred
JOIN membership ON membership.subject = stirred.subject;

-- Where each person's events are filed: under `subject`, from `valid_from` to before
-- `valid_to`. `unit_kind` and `unit_id` are what was hashed, `unit_subject` is where that
-- is filed, and `joined_at` is the instant from which it is known to be this person.
CREATE OR REPLACE TEMP TABLE scope AS
SELECT
  'USER' AS unit, person_kind, person,
  person_kind AS unit_kind, person_id AS unit_id, person AS unit_subject,
  CAST(0 AS BIGINT) AS joined_at,
  person AS subject,
  CAST(0 AS BIGINT) AS valid_from, CAST(9007199254740991 AS BIGINT) AS valid_to
FROM person
WHERE person_kind <> 'account'
UNION ALL
SELECT
  'USER', 'user', person, 'user', person_id, person, CAST(0 AS BIGINT),
  subject_of(CAST($environment_id AS UUID), 'member', person_id),
  CAST(0 AS BIGINT), CAST(9007199254740991 AS BIGINT)
FROM person
WHERE person_kind = 'user'
UNION ALL
SELECT
  'USER', 'user', person.person, 'anonymous', link.anonymous_id, link.subject,
  link.occurred_at,
  link.subject,
  CAST(0 AS BIGINT), CAST(9007199254740991 AS BIGINT)
FROM person
JOIN link ON link.owner = person.person
UNION ALL
SELECT
  'ACCOUNT', 'account', person, 'account', person_id, person, CAST(0 AS BIGINT),
  person,
  CAST(0 AS BIGINT), CAST(9007199254740991 AS BIGINT)
FROM person
WHERE person_kind = 'account'
UNION ALL
SELECT
  'ACCOUNT', 'account', person.person, 'account', spell.account_id, person.person,
  CAST(0 AS BIGINT),
  subject_of(CAST($environment_id AS UUID), 'member', spell.user_id),
  spell.valid_from, spell.valid_to
FROM (
  SELECT
    user_id, account_id, owner, occurred_at AS valid_from,
    lead(occurred_at, 1, CAST(9007199254740991 AS BIGINT)) OVER (
      PARTITION BY subject ORDER BY occurred_at, event_id
    ) AS valid_to
  FROM membership
  WHERE subject IN (
    SELECT other.subject
    FROM membership AS other
    JOIN person ON person.person = other.owner
  )
) AS spell
JOIN person ON person.person = spell.owner;
