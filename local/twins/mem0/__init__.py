"""The twin of Mem0 Platform (`/v3` add, search and list; `/v1` for the rest)."""
