"""Objects in local storage, over signed URLs."""
