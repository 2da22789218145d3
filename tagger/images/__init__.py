"""What is moved, and the places that hold it."""
