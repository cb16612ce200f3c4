"""Hot documents, compiled to plans and answered with bytes ahead of the router."""
