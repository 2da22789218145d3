"""Images, and where they are: registries, OCI layouts, archives and the Docker Engine."""
