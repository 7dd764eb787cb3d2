"""Tasks, from the request to the resource and back."""
