"""The client of registries: the OCI distribution API, and the differences of single registries."""
