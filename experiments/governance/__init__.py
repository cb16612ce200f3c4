"""Who must agree, when it starts, how it grows, and what stops it."""
