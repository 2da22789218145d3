"""Who signed an image: rows that say who must have, places where signatures are, and what proves them."""
