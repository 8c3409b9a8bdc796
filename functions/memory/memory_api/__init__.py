"""What is remembered about a person: the view, the search, and the jobs that keep it."""
