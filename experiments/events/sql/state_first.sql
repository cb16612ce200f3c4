-- Each by the index; the first of many phases is never looked for among all units.
SELECT
  asked.phase_id,
  (SELECT min(exposed_at) FROM unit WHERE unit.phase_id = asked.phase_id)
FROM (SELECT unnest(CAST($phase_ids AS UUID[])) AS phase_id) AS asked;
