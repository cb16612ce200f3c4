-- How many units two phases have, and how many ids are a unit of both.
SELECT
  (SELECT count(*) FROM unit WHERE phase_id = $phase_id AND NOT in_gap),
  (SELECT count(*) FROM unit WHERE phase_id = $other_id AND NOT in_gap),
  (
    SELECT count(*)
    FROM unit
    JOIN unit AS other
      ON other.kind = unit.kind AND other.id = unit.id AND other.phase_id = $other_id
    WHERE unit.phase_id = $phase_id AND NOT unit.in_gap AND NOT other.in_gap
  );
