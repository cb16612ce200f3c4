"""Statistics: numbers in, numbers out; no I/O, and no NaN ever leaves."""
