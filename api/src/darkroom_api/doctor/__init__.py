"""`darkroom-api doctor`: what an installation stands on, tried out, with the fix for each fault."""
