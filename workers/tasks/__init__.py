"""The loop, one file per arrow: take undone rows, call the next domain, stamp."""
