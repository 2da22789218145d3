"""The line that a person types: its words, its options, its help and its completion in shells."""
