-- From when each id that is folded already was heard of.
DELETE FROM seen WHERE environment_id = $environment_id;

INSERT INTO seen (environment_id, kind, id, first_at, subject)
SELECT
  CAST($environment_id AS UUID), kind, id, min(occurred_at),
  subject_of(CAST($environment_id AS UUID), kind, id)
FROM (
  SELECT
    CASE WHEN user_id IS NULL THEN 'anonymous' ELSE 'user' END AS kind,
    coalesce(user_id, anonymous_id) AS id,
    occurred_at
  FROM event
  WHERE environment_id = $environment_id
    AND position <= $position
    AND (user_id IS NOT NULL OR anonymous_id IS NOT NULL)
  UNION ALL
  SELECT 'account', account_id, occurred_at
  FROM event
  WHERE environment_id = $environment_id
    AND position <= $position
    AND account_id IS NOT NULL
) AS heard
GROUP BY kind, id;

UPDATE progress SET sighted = TRUE WHERE environment_id = $environment_id;
