"""Measures the cost of releases by Tagger and by other programs."""
