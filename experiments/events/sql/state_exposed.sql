SELECT arm, day, sum(exposed)
FROM unit_delta
WHERE phase_id = $phase_id
GROUP BY arm, day;
