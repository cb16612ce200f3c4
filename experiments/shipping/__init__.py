"""What follows a stop: the memo, the decision, shipping and measuring again."""
