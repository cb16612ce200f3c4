"""Who may be in a phase: layers, holdouts, segments and prerequisites."""
