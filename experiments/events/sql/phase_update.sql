UPDATE phase
SET version = 1, number = $number, rebuild = rebuild OR CAST($rebuild AS BOOLEAN)
WHERE phase_id = $phase_id;
