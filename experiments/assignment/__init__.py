"""Who gets which variant: a pure function of definitions and attributes."""
