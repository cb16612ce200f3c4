-- What some persons' ids met first, in the order of receipt: from what is filed, and from
-- the events that no fold has filed yet.
SELECT experiment_key, kind, id, arm, occurred_at, position
FROM (
  SELECT
    met.experiment_key, met.kind, met.id, met.arm, met.occurred_at, met.position,
    row_number() OVER (
      PARTITION BY met.experiment_key, met.kind, met.id, met.arm ORDER BY met.position
    ) AS place
  FROM (
    SELECT
      experiment_key, CASE kind WHEN 'member' THEN 'user' ELSE kind END AS kind,
      id, arm, occurred_at, position, phase
    FROM exposure
    WHERE environment_id = $environment_id
      AND subject IN (
        SELECT subject_of(CAST($environment_id AS UUID), filing.kind, asked_for.id)
        FROM (SELECT unnest(CAST($ids AS VARCHAR[])) AS id) AS asked_for
        CROSS JOIN (
          SELECT 'anonymous' AS kind UNION ALL SELECT 'user' UNION ALL SELECT 'member'
        ) AS filing
      )
    UNION ALL
    SELECT
      experiment_key, CASE WHEN user_id IS NULL THEN 'anonymous' ELSE 'user' END,
      coalesce(user_id, anonymous_id), variant_key, occurred_at, position, phase
    FROM event
    WHERE environment_id = $environment_id
      AND position > (
        SELECT coalesce(max(progress.position), 0)
        FROM progress
        WHERE progress.environment_id = $environment_id
      )
      AND name = '$exposure'
      AND coalesce(user_id, anonymous_id) IN (SELECT unnest(CAST($ids AS VARCHAR[])))
  ) AS met
  JOIN (
    SELECT
      unnest(CAST($experiment_keys AS VARCHAR[])) AS experiment_key,
      unnest(CAST($numbers AS BIGINT[])) AS number,
      unnest(CAST($instants AS BIGINT[])) AS since
  ) AS asked
    ON asked.experiment_key = met.experiment_key AND met.occurred_at >= asked.since
    AND met.phase IN (0, asked.number)
) AS ordered
WHERE place = 1
ORDER BY position, experiment_key, kind, id;
