"""Do: one module a verb."""
