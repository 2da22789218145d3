"""The client of registries: the OCI distribution API, and what single registries do in their own way."""

from tagger.images.registry import lean

lean.import_urllib3_without_http2()
