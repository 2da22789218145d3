"""Images, and the stores that hold them: registries, OCI layouts, archives and the Docker Engine."""
