"""The signatures of an image: the rows that say who must have signed, where signatures are, how they are proved."""
