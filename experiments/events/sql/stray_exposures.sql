-- Exposures that no phase counts: they name an experiment or a variant that no phase of
-- the environment has, or a phase other than the one that was under way, which may be
-- one of another environment: experiments number theirs across all.
SELECT
  named.experiment_key, named.arm, named.exposures, named.first_at, named.last_at,
  CASE
    WHEN EXISTS (
      SELECT 1 FROM phase
      WHERE phase.environment_id = named.environment_id
        AND phase.experiment_key = named.experiment_key
    ) THEN 'UNKNOWN_VARIANT'
    ELSE 'UNKNOWN_EXPERIMENT'
  END AS reason
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
UNION ALL
SELECT
  exposure.experiment_key, exposure.arm, count(DISTINCT exposure.position),
  min(exposure.occurred_at), max(exposure.occurred_at), 'OTHER_PHASE'
FROM phase AS running
JOIN exposure
  ON exposure.environment_id = running.environment_id
  AND exposure.experiment_key = running.experiment_key
  AND (
    exposure.phase BETWEEN 1 AND running.number - 1 OR exposure.phase > running.number
  )
  AND exposure.occurred_at >= running.started_at
  AND exposure.occurred_at < running.ended_at
WHERE running.environment_id = $environment_id
  AND (
    CAST($experiment_key AS VARCHAR) IS NULL
    OR running.experiment_key = CAST($experiment_key AS VARCHAR)
  )
GROUP BY exposure.experiment_key, exposure.arm
ORDER BY last_at DESC, experiment_key, arm
LIMIT $limit;
