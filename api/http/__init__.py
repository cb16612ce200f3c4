"""Plain HTTP beside GraphQL, only where an existing client speaks it."""
