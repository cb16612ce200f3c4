"""Background work: rows say what is undone, sweeps find it, nudges make it sooner."""
