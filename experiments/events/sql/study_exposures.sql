-- A page of a phase's units, after one of them.
SELECT kind, id, arm, exposed_at, in_gap, linked, conflicted, joined
FROM unit
WHERE phase_id = $phase_id
  AND (
    kind > CAST($kind AS VARCHAR)
    OR (kind = CAST($kind AS VARCHAR) AND id > CAST($id AS VARCHAR))
  )
ORDER BY kind, id
LIMIT $limit;
