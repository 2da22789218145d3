"""Say: text, JSON, Markdown, and what the runner understands."""
