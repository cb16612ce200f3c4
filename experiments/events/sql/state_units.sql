SELECT arm, sum(exposed), sum(in_gap), sum(conflicted), sum(linked), sum(joined)
FROM unit_delta
WHERE phase_id = $phase_id
GROUP BY arm;
