-- Exposures that name an experiment or a variant that no phase of the environment has.
SELECT
  named.experiment_key, named.arm, named.exposures, named.first_at, named.last_at,
  EXISTS (
    SELECT 1 FROM phase
    WHERE phase.environment_id = named.environment_id
      AND phase.experiment_key = named.experiment_key
  ) AS known
FROM named
WHERE named.environment_id = $environment_id
  AND (
    CAST($experiment_key AS VARCHAR) IS NULL
    OR named.experiment_key = CAST($experiment_key AS VARCHAR)
  )
  AND NOT EXISTS (
    SELECT 1 FROM phase
    JOIN phase_arm ON phase_arm.phase_id = phase.phase_id
    WHERE phase.environment_id = named.environment_id
      AND phase.experiment_key = named.experiment_key
      AND phase_arm.arm = named.arm
  )
ORDER BY named.last_at DESC, named.experiment_key, named.arm
LIMIT $limit;
