"""Real SDKs of the GrowthBook family, with nothing but a host and a client key."""
