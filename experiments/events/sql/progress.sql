-- Where the fold of one environment stands, and how much has been stored for it.
INSERT INTO progress
  (environment_id, position, events, watermark, import_finished_at)
VALUES (CAST($environment_id AS UUID), 0, 0, 0, 0)
ON CONFLICT (environment_id) DO NOTHING;

SELECT
  progress.position, progress.events, progress.watermark, progress.import_finished_at,
  coalesce(stream.position, 0), coalesce(stream.events, 0),
  (SELECT count(*) FROM source
    WHERE source.environment_id = progress.environment_id AND NOT source.filled),
  (SELECT count(*) FROM phase
    WHERE phase.environment_id = progress.environment_id AND phase.rebuild)
FROM progress
LEFT JOIN stream ON stream.environment_id = progress.environment_id
WHERE progress.environment_id = $environment_id;
