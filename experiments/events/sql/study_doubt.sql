-- A phase whose state is not to be trusted: the next fold makes it anew.
UPDATE phase SET rebuild = TRUE WHERE phase_id = $phase_id;
