SELECT min(exposed_at) FROM unit WHERE phase_id = $phase_id;
