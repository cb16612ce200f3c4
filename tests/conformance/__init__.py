"""Public suites that this server has to pass."""
