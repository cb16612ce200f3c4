-- By which everything that is filed under an id is found: 128 bits of SHA-256, so that
-- nobody can make two ids that meet.
CREATE OR REPLACE MACRO subject_of(environment_id, kind, id) AS
  CAST(left(sha256(CAST(environment_id AS VARCHAR) || kind || ':' || id), 32) AS UUID);

-- The text of a property, where it is a scalar; keys have no quotes in them.
CREATE OR REPLACE MACRO property_text(properties, property) AS
  CASE
    WHEN json_type(properties, '$."' || property || '"') NOT IN ('NULL', 'OBJECT', 'ARRAY')
      THEN json_extract_string(properties, '$."' || property || '"')
  END;

-- Its exact number within a billion, to 18 decimals and a last digit that no rounding
-- mistakes for a tie; NULL where it is none.
CREATE OR REPLACE MACRO rounded_odd(wide) AS
  CAST(left(wide, length(wide) - 10) AS DECIMAL(28, 18)) + CASE
    WHEN right(wide, 10) = '0000000000' OR wide[-11] NOT IN ('0', '5')
      THEN CAST(0 AS DECIMAL(28, 18))
    WHEN left(wide, 1) = '-' THEN CAST('-0.000000000000000001' AS DECIMAL(28, 18))
    ELSE CAST('0.000000000000000001' AS DECIMAL(28, 18))
  END;
CREATE OR REPLACE MACRO property_number(spelled) AS
  CASE
    WHEN regexp_full_match(spelled, '-?[0-9]{1,10}([.][0-9]{1,28})?([eE][+-]?[0-9]{1,2})?')
      AND abs(TRY_CAST(spelled AS DECIMAL(38, 28))) <= 1000000000
      THEN CAST(rounded_odd(CAST(TRY_CAST(spelled AS DECIMAL(38, 28)) AS VARCHAR)) AS DECIMAL(28, 18))
  END;

CREATE OR REPLACE MACRO passes(spelled, operator, asked) AS
  CASE operator
    WHEN 'IN' THEN coalesce(list_contains(from_json(asked, '["VARCHAR"]'), spelled), FALSE)
    WHEN 'NOT_IN'
      THEN NOT coalesce(list_contains(from_json(asked, '["VARCHAR"]'), spelled), FALSE)
    WHEN 'AT_LEAST'
      THEN coalesce(property_number(spelled) >= property_number(from_json(asked, '["VARCHAR"]')[1]), FALSE)
    WHEN 'AT_MOST'
      THEN coalesce(property_number(spelled) <= property_number(from_json(asked, '["VARCHAR"]')[1]), FALSE)
    ELSE spelled IS NOT NULL
  END;
