"""What a run is told: options, the file, and the values that they become."""
