"""Tasks of type Image: one picture, decoded once, and the files made of it."""
