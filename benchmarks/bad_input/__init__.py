"""Bad input at every door: what it takes to refuse it, or to miss."""
