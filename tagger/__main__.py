"""Runs the program for `python -m tagger`."""

from tagger.program import main

main()
