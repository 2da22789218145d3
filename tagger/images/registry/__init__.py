"""The client of registries: the OCI distribution API, and what single registries do in their own way."""
