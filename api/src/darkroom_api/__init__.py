"""Part of Darkroom."""
