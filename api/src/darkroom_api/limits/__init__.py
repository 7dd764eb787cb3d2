"""Rate limits and quotas: how much of the service one user, or one address, may have."""
