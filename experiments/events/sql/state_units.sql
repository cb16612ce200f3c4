SELECT
  phase_id, arm, sum(exposed), sum(in_gap), sum(conflicted), sum(linked), sum(joined)
FROM unit_delta
WHERE phase_id IN (SELECT unnest(CAST($phase_ids AS UUID[])))
GROUP BY phase_id, arm;
