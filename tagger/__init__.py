"""Tagger releases a container image that is already built."""

__version__ = "0.1.0"
