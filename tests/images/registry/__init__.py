"""Tests of the conversation with a registry."""
