"""Surveys: definitions, published versions, responses and scores."""
