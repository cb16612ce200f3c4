INSERT INTO source_filter (source_id, property, operator, asked)
VALUES ($source_id, $property, $operator, $asked);
