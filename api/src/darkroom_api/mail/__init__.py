"""E-mail: what is written, to whom, and how it is sent."""
