SELECT events FROM stream WHERE environment_id = $environment_id;
