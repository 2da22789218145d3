"""The command line: its words, its parser, its help, and its completion in shells."""
