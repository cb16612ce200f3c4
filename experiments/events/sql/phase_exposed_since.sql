SELECT count(*)
FROM exposure
WHERE environment_id = $environment_id
  AND experiment_key = $experiment_key
  AND occurred_at >= $edge;
