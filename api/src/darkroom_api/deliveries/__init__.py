"""The outbox: what is to be told is a row, made with what it is about, and claimed by a lease."""
