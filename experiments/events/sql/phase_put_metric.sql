INSERT INTO metric (
  phase_id, metric_id, kind, numerator_id, denominator_id,
  opens_after, closes_after, cap, looks_back
)
VALUES (
  $phase_id, $metric_id, $kind, $numerator_id, $denominator_id,
  $opens_after, $closes_after, $cap, $looks_back
);
