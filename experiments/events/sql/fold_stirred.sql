-- Whose numbers may change: the ids the batch touched, units whose window closes between
-- the two watermarks, and everybody exposed in a phase that is being rebuilt. The bounds
-- over all windows let a store pass over the units that no window can close for.
CREATE OR REPLACE TEMP TABLE stirred AS
SELECT
  kind, id, subject_of(CAST($environment_id AS UUID), kind, id) AS subject
FROM (
  SELECT kind, id FROM touched
  UNION
  SELECT unit.kind, unit.id
  FROM phase
  JOIN metric ON metric.phase_id = phase.phase_id
  JOIN unit ON unit.phase_id = phase.phase_id
  WHERE phase.environment_id = $environment_id
    AND unit.exposed_at > CAST($previous AS BIGINT) - CAST($longest AS BIGINT)
    AND unit.exposed_at <= CAST($watermark AS BIGINT) - CAST($shortest AS BIGINT)
    AND unit.exposed_at > CAST($previous AS BIGINT) - metric.closes_after
    AND unit.exposed_at <= CAST($watermark AS BIGINT) - metric.closes_after
  UNION
  SELECT CASE exposure.kind WHEN 'member' THEN 'user' ELSE exposure.kind END, exposure.id
  FROM phase
  JOIN exposure ON exposure.experiment_key = phase.experiment_key
  WHERE phase.environment_id = $environment_id
    AND exposure.environment_id = $environment_id
    AND phase.rebuild
) AS known_by;

SELECT count(*) FROM stirred;
