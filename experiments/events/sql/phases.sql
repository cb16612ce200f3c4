SELECT phase_id FROM phase WHERE environment_id = $environment_id;
