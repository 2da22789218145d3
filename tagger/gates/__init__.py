"""What an image must be before it gets a name: the base that it stands on, what is attached to it."""
