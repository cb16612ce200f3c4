"""OpenFeature's clients, and a table of cases of our own, against the endpoint."""
