INSERT INTO phase (
  phase_id, environment_id, experiment_key, unit,
  started_at, ended_at, design, version, rebuild, number
)
VALUES (
  CAST($phase_id AS UUID), $environment_id, $experiment_key, $unit,
  $started_at, $ended_at, $design, 1, $rebuild, $number
)
ON CONFLICT (phase_id) DO UPDATE SET
  experiment_key = excluded.experiment_key,
  unit = excluded.unit,
  started_at = excluded.started_at,
  ended_at = excluded.ended_at,
  design = excluded.design,
  number = excluded.number,
  version = phase.version + 1,
  rebuild = phase.rebuild OR excluded.rebuild;
