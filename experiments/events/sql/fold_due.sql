-- The units whose window in a metric has closed.
CREATE OR REPLACE TEMP TABLE due AS
SELECT
  unit.phase_id, metric.metric_id, unit.kind, unit.id, unit.subject, unit.arm,
  unit.linked, unit.person, metric.kind AS metric_kind, metric.cap,
  metric.numerator_id, metric.denominator_id, metric.looks_back, unit.levels,
  unit.exposed_at, unit.exposed_at - unit.exposed_at % 86400000 AS day,
  unit.exposed_at + metric.opens_after AS opens_at,
  unit.exposed_at + metric.closes_after AS closes_at
FROM new_unit AS unit
JOIN metric ON metric.phase_id = unit.phase_id
WHERE NOT unit.in_gap
  AND unit.exposed_at <= CAST($watermark AS BIGINT) - metric.closes_after;
