"""The rows `type=…` of docker/metadata-action: their syntax, their values in a build, and their templates."""
