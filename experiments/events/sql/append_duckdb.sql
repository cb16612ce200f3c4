-- `incoming` is a view of the batch's columns in memory, without what is stored already.
INSERT INTO event BY NAME
SELECT
  position, CAST(environment_id AS UUID) AS environment_id, id, id_key, name,
  user_id, anonymous_id, account_id, occurred_at,
  CAST($received_at AS BIGINT) AS received_at,
  clock_moved, CAST(value AS DECIMAL(28, 18)) AS value, properties,
  experiment_key, variant_key, batch_id, phase
FROM incoming;
