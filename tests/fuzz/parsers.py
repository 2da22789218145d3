"""Every parser of what comes from outside."""

from tests.fuzz import of_files, of_images, of_registries, of_settings, of_texts

__all__ = ["PARSERS"]

PARSERS = {
    parser.name: parser
    for module in (of_registries, of_images, of_settings, of_files, of_texts)
    for parser in module.PARSERS
}
