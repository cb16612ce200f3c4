"""Whether the state that folds keep is still what the raw events say."""
