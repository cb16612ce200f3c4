SELECT y
FROM unit_value
WHERE phase_id = $phase_id AND metric_id = $metric_id AND NOT refused
ORDER BY y
LIMIT 1 OFFSET $place;
