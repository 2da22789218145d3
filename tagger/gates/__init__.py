"""The checks of an image before it gets a tag: its base, its signatures, its attachments, its platforms."""
