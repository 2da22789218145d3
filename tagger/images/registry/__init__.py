"""One HTTP conversation with one registry."""
