-- Units by what their first exposure carried, the most frequent levels by name.
WITH placed AS (
  SELECT event_id, min(position) AS position
  FROM exposure
  WHERE environment_id = $environment_id AND experiment_key = $experiment_key
  GROUP BY event_id
),
valued AS (
  SELECT
    unit.arm, property_text(event.properties, CAST($attribute AS VARCHAR)) AS level
  FROM unit
  JOIN placed ON placed.event_id = unit.event_id
  JOIN event
    ON event.environment_id = $environment_id AND event.position = placed.position
  WHERE unit.phase_id = $phase_id AND NOT unit.in_gap
),
ranked AS (
  SELECT level, row_number() OVER (ORDER BY count(*) DESC, level) AS place
  FROM valued
  WHERE level IS NOT NULL
  GROUP BY level
)
SELECT
  CASE
    WHEN valued.level IS NULL THEN CAST($unknown AS VARCHAR)
    WHEN ranked.place <= CAST($levels AS BIGINT) THEN substr(valued.level, 1, 200)
    ELSE CAST($other AS VARCHAR)
  END AS level,
  valued.arm, count(*)
FROM valued
LEFT JOIN ranked ON ranked.level = valued.level
GROUP BY 1, 2
ORDER BY 1, 2;
