"""What is done to the store now and then, asked for over signed URLs."""
