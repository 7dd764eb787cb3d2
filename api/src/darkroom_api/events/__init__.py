"""What happens to tasks, as it happens, to whoever listens at any replica."""
