"""OpenID Connect: users whom another provider vouches for, by its tokens or by its login page."""
