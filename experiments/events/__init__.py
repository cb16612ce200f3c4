"""The event log: durable facts, folded into exact integer state."""
