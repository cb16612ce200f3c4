-- Links and memberships that the batch brings. An anonymous id belongs to the first user
-- that it was seen with, by (occurred_at, event id): an earlier link that arrives late
-- takes it over, a later one is a conflict and moves nothing.
CREATE OR REPLACE TEMP TABLE new_link AS
SELECT
  fresh.anonymous_id, fresh.user_id, fresh.occurred_at, fresh.event_id, fresh.subject
FROM (
  SELECT
    anonymous_id, user_id, occurred_at, id AS event_id,
    subject_of(CAST($environment_id AS UUID), 'anonymous', anonymous_id) AS subject,
    row_number() OVER (PARTITION BY anonymous_id ORDER BY occurred_at, id) AS place
  FROM batch
  WHERE user_id IS NOT NULL AND anonymous_id IS NOT NULL
) AS fresh
LEFT JOIN link AS known ON known.subject = fresh.subject
WHERE fresh.place = 1
  AND (
    known.anonymous_id IS NULL
    OR fresh.occurred_at < known.occurred_at
    OR (fresh.occurred_at = known.occurred_at AND fresh.event_id < known.event_id)
  );

-- Everybody whose person changes: the id, its new user, and the user that loses it.
CREATE OR REPLACE TEMP TABLE relinked AS
SELECT 'anonymous' AS kind, anonymous_id AS id FROM new_link
UNION
SELECT 'user', user_id FROM new_link
UNION
SELECT 'user', link.user_id
FROM link
JOIN new_link ON new_link.subject = link.subject;

DELETE FROM link
USING new_link
WHERE link.subject = new_link.subject;

INSERT INTO link
  (environment_id, anonymous_id, user_id, occurred_at, event_id, subject, owner)
SELECT
  CAST($environment_id AS UUID), anonymous_id, user_id, occurred_at, event_id, subject,
  subject_of(CAST($environment_id AS UUID), 'user', user_id)
FROM new_link;

CREATE OR REPLACE TEMP TABLE new_membership AS
SELECT user_id, account_id, occurred_at, id AS event_id
FROM batch
WHERE name IN ('$membership', '$identify')
  AND user_id IS NOT NULL
  AND account_id IS NOT NULL;

INSERT INTO membership
  (environment_id, user_id, account_id, occurred_at, event_id, subject, owner)
SELECT
  CAST($environment_id AS UUID), user_id, account_id, occurred_at, event_id,
  subject_of(CAST($environment_id AS UUID), 'user', user_id),
  subject_of(CAST($environment_id AS UUID), 'account', account_id)
FROM new_membership;
