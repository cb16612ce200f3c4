-- A page of one metric's unit values, after one of them.
SELECT kind, id, arm, y, d, capped_y, refused, capped_x AS x, w, m
FROM unit_value
WHERE phase_id = $phase_id
  AND metric_id = $metric_id
  AND (
    kind > CAST($kind AS VARCHAR)
    OR (kind = CAST($kind AS VARCHAR) AND id > CAST($id AS VARCHAR))
  )
ORDER BY kind, id
LIMIT $limit;
