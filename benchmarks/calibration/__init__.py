"""A/A and known effects: what each method promises, beside what it does."""
