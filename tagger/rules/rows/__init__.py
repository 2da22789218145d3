"""The rows `type=…` of docker/metadata-action: read, filled in from a build, and what they mean to the rules."""
