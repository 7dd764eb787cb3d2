"""What tasks made, on its way to those who asked for it."""
