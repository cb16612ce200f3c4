UPDATE source SET filled = TRUE WHERE environment_id = $environment_id AND NOT filled;
