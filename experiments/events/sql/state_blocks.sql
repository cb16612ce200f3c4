SELECT metric_id, arm, day, block, sum(units)
FROM block_delta
WHERE phase_id = $phase_id
GROUP BY metric_id, arm, day, block;
