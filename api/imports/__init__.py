"""Bringing a finished experiment in from a table, through the public interface."""
