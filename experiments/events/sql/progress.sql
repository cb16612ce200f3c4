-- Where the fold of one environment stands, and how much has been stored for it.
INSERT INTO progress
  (environment_id, position, events, watermark, import_finished_at)
VALUES (CAST($environment_id AS UUID), 0, 0, 0, 0)
ON CONFLICT (environment_id) DO NOTHING;

SELECT
  progress.position, progress.events, progress.watermark, progress.import_finished_at,
  coalesce(stream.position, 0), coalesce(stream.events, 0),
  asked.unfilled, designed.rebuild, progress.sighted,
  measured.looks_back, measured.steps, asked.told, measured.dimensions,
  measured.longest, measured.shortest
FROM progress
LEFT JOIN stream ON stream.environment_id = progress.environment_id
CROSS JOIN (
  SELECT
    CAST(coalesce(sum(CASE WHEN filled THEN 0 ELSE 1 END), 0) AS BIGINT) AS unfilled,
    coalesce(sum(CASE WHEN told THEN 1 ELSE 0 END), 0) > 0 AS told
  FROM (
    SELECT
      source.filled,
      source.property IS NOT NULL
        OR source.source_id IN (SELECT source_filter.source_id FROM source_filter)
        AS told
    FROM source
    WHERE source.environment_id = $environment_id
  ) AS stream_of_values
) AS asked
CROSS JOIN (
  SELECT CAST(coalesce(sum(CASE WHEN rebuild THEN 1 ELSE 0 END), 0) AS BIGINT) AS rebuild
  FROM phase
  WHERE environment_id = $environment_id
) AS designed
CROSS JOIN (
  SELECT
    coalesce(max(metric.looks_back), 0) > 0 AS looks_back,
    coalesce(max(metric_step.place), 0) AS steps,
    count(phase_dimension.place) > 0 AS dimensions,
    coalesce(max(metric.closes_after), 0) AS longest,
    coalesce(min(metric.closes_after), 0) AS shortest
  FROM phase
  JOIN metric ON metric.phase_id = phase.phase_id
  LEFT JOIN metric_step
    ON metric_step.phase_id = metric.phase_id
    AND metric_step.metric_id = metric.metric_id
  LEFT JOIN phase_dimension ON phase_dimension.phase_id = phase.phase_id
  WHERE phase.environment_id = $environment_id
) AS measured
WHERE progress.environment_id = $environment_id;
