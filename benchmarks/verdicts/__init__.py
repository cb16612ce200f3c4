"""Simulated experiments through the service: how often its verdicts are right."""
