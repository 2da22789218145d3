"""The kinds of sources, a module each, with the function `open_image` that finds the image of a source."""
