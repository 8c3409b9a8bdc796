"""The twin of Zep Cloud's memory API, v4 (`/api/v4`)."""
