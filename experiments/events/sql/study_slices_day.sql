-- Units by the UTC day of their first exposure.
SELECT exposed_at - exposed_at % 86400000 AS day, arm, count(*)
FROM unit
WHERE phase_id = $phase_id AND NOT in_gap
GROUP BY exposed_at - exposed_at % 86400000, arm
ORDER BY day, arm
LIMIT $limit;
