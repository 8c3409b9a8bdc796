"""Sessions and history: start, list, look at and delete a session, read its messages."""
