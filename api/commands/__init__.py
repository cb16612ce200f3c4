"""The commands of `hone`: one module a noun."""
