"""Decides which tag belongs to which version. Pure: no I/O, no clock, no environment."""
