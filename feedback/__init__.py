"""Feedback: comments, tags, insights and the backlog they lead to."""
