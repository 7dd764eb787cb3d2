"""Accounts, passwords, access tokens."""
