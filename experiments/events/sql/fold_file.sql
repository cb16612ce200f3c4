-- File the batch under raw ids: once as the person, once under its account. Nothing that
-- is filed ever moves; links and memberships decide at reading whose it is.
CREATE OR REPLACE TEMP TABLE filing AS
SELECT
  CASE
    WHEN user_id IS NULL THEN 'anonymous'
    WHEN account_id IS NULL THEN 'member'
    ELSE 'user'
  END AS kind,
  coalesce(user_id, anonymous_id) AS id,
  id AS event_id, name, occurred_at, experiment_key, variant_key, phase, position
FROM batch
WHERE user_id IS NOT NULL OR anonymous_id IS NOT NULL
UNION ALL
SELECT
  'account', account_id, id, name, occurred_at, experiment_key, variant_key, phase,
  position
FROM batch
WHERE account_id IS NOT NULL;

-- Each id is digested once, however many events it has.
CREATE OR REPLACE TEMP TABLE filed AS
SELECT filing.*, digest.subject
FROM filing
JOIN (
  SELECT kind, id, subject_of(CAST($environment_id AS UUID), kind, id) AS subject
  FROM (SELECT DISTINCT kind, id FROM filing) AS named
) AS digest
  ON digest.kind = filing.kind AND digest.id = filing.id;
