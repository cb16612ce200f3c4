"""The GraphQL edge: one module per noun; schema.py composes them."""
