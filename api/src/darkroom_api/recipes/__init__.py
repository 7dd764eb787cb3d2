"""Recipes by name, as the cluster has them."""
