"""API keys: long-lived tokens for programs, with no more scopes than they need."""
