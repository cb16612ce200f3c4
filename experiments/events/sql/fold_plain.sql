-- Where no metric is read event by event.
CREATE OR REPLACE TEMP TABLE detail AS
SELECT phase_id, metric_id, subject AS unit_subject, y FROM unit_value WHERE FALSE;
