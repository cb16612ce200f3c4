SELECT phase_id, dimension, level, arm, sum(units)
FROM level_delta
WHERE phase_id IN (SELECT unnest(CAST($phase_ids AS UUID[])))
GROUP BY phase_id, dimension, level, arm;
