-- Ids that the batch hears of for the first time, or at an earlier instant.
CREATE OR REPLACE TEMP TABLE heard AS
SELECT
  kind, id, first_at, subject_of(CAST($environment_id AS UUID), kind, id) AS subject
FROM (
  SELECT
    CASE kind WHEN 'member' THEN 'user' ELSE kind END AS kind,
    id, min(occurred_at) AS first_at
  FROM filed
  WHERE CAST($sighted AS BOOLEAN)
  GROUP BY CASE kind WHEN 'member' THEN 'user' ELSE kind END, id
) AS fresh;

CREATE OR REPLACE TEMP TABLE sighted AS
SELECT heard.kind, heard.id, heard.first_at, heard.subject
FROM heard
WHERE NOT EXISTS (
  SELECT 1 FROM seen
  WHERE seen.subject = heard.subject AND seen.first_at <= heard.first_at
);

INSERT INTO seen (environment_id, kind, id, first_at, subject)
SELECT CAST($environment_id AS UUID), kind, id, first_at, subject FROM sighted;
