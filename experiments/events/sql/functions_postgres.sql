-- By which everything that is filed under an id is found: 128 bits of SHA-256, so that
-- nobody can make two ids that meet.
CREATE OR REPLACE FUNCTION subject_of(environment_id uuid, kind text, id text) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CAST(
    left(
      encode(sha256(convert_to(environment_id::text || kind || ':' || id, 'UTF8')), 'hex'),
      32
    ) AS uuid
  )
$$;

-- The text of a property, where it is a scalar. Numbers from 1e-6 to below 1e21 are
-- written out, as DuckDB does.
CREATE OR REPLACE FUNCTION property_text(properties text, property text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN json_typeof(found) IN ('string', 'boolean') THEN found #>> '{}'
    WHEN json_typeof(found) <> 'number' THEN NULL
    WHEN found #>> '{}' !~ 'e' THEN found #>> '{}'
    WHEN CAST(split_part(found #>> '{}', 'e', 2) AS int) NOT BETWEEN -6 AND 20
      THEN found #>> '{}'
    ELSE regexp_replace(CAST(CAST(found #>> '{}' AS numeric) AS text), '^-?[0-9]+$', '\&.0')
  END
  FROM (SELECT properties::json -> property AS found) AS property
$$;

-- Its exact number within a billion, to 18 decimals and a last digit that no rounding
-- mistakes for a tie; NULL where it is none.
CREATE OR REPLACE FUNCTION property_number(spelled text) RETURNS numeric(28, 18)
LANGUAGE sql IMMUTABLE AS $$
  SELECT CAST(left(wide, length(wide) - 10) AS numeric(28, 18)) + CASE
    WHEN right(wide, 10) = '0000000000' OR left(right(wide, 11), 1) NOT IN ('0', '5') THEN 0
    WHEN left(wide, 1) = '-' THEN -1e-18
    ELSE 1e-18
  END
  FROM (
    SELECT CAST(CAST(exact AS numeric(38, 28)) AS text) AS wide
    FROM (
      SELECT CASE
        WHEN spelled ~ '^-?[0-9]{1,10}([.][0-9]{1,28})?([eE][+-]?[0-9]{1,2})?$'
          THEN CAST(spelled AS numeric)
      END AS exact
    ) AS number
    WHERE abs(exact) <= 1000000000
  ) AS spelled_out
$$;

CREATE OR REPLACE FUNCTION passes(spelled text, operator text, asked text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE operator
    WHEN 'IN' THEN coalesce(asked::jsonb ? spelled, FALSE)
    WHEN 'NOT_IN' THEN NOT coalesce(asked::jsonb ? spelled, FALSE)
    WHEN 'AT_LEAST'
      THEN coalesce(property_number(spelled) >= property_number(asked::json ->> 0), FALSE)
    WHEN 'AT_MOST'
      THEN coalesce(property_number(spelled) <= property_number(asked::json ->> 0), FALSE)
    ELSE spelled IS NOT NULL
  END
$$;
