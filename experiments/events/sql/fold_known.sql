-- Since when the persons of these units have been known.
CREATE OR REPLACE TEMP TABLE known_since AS
SELECT known.person, min(seen.first_at) AS first_at
FROM (SELECT DISTINCT person FROM due WHERE looks_back > 0) AS known
JOIN scope ON scope.person = known.person
JOIN seen ON seen.subject = scope.subject
GROUP BY known.person;
