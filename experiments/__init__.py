"""Experiments: assignment, events, metrics, statistics and what follows from them."""
