"""The edge: GraphQL and HTTP in, domain calls out."""
