"""The line that a person types: its words, its options, the help that it asks for, and its completion in shells."""
