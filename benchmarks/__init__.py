"""Tagger beside what people use today: what a release costs, measured."""
