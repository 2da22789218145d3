"""The verbs: a module each, and what they share."""
