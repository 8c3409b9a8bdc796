"""Changing one's memory: remember, correct, forget, and how it came to be as it is."""
