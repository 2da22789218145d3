"""The settings of a run: options, the settings file, and their values."""
