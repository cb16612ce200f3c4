"""A believable company with known true effects, the same on every machine."""
