-- Where no phase looks back.
CREATE OR REPLACE TEMP TABLE known_since AS
SELECT person, exposed_at AS first_at FROM due WHERE FALSE;
