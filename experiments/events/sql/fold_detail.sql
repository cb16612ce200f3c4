-- Metrics whose value is more than a sum are read event by event: the weeks of a cadence,
-- a funnel's steps, and the time of the first event, which counts before a window closes.
CREATE OR REPLACE TEMP TABLE occurred AS
SELECT
  unit.phase_id, metric.metric_id, unit.subject AS unit_subject,
  metric.kind AS metric_kind, metric_step.place, cell_row.occurred_at,
  cell_row.occurred_at - unit.exposed_at - metric.opens_after AS since
FROM new_unit AS unit
JOIN metric ON metric.phase_id = unit.phase_id
JOIN metric_step
  ON metric_step.phase_id = metric.phase_id AND metric_step.metric_id = metric.metric_id
JOIN scope ON scope.person = unit.person
JOIN cell_row
  ON cell_row.subject = scope.subject
  AND cell_row.source_id = metric_step.source_id
  AND cell_row.occurred_at >= unit.exposed_at + metric.opens_after
  AND cell_row.occurred_at < unit.exposed_at + metric.closes_after
  AND cell_row.occurred_at >= scope.valid_from
  AND cell_row.occurred_at < scope.valid_to
WHERE NOT unit.in_gap
  AND NOT unit.linked
  AND (
    metric.kind = 'TIME_TO_EVENT'
    OR unit.exposed_at <= CAST($watermark AS BIGINT) - metric.closes_after
  );

CREATE OR REPLACE TEMP TABLE reached AS
SELECT
  phase_id, metric_id, unit_subject, place, min(occurred_at) AS reached_at,
  min(since) AS since
FROM occurred
WHERE place = 1
GROUP BY phase_id, metric_id, unit_subject, place;
