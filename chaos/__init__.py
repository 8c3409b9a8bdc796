"""What happens to what people say while everything that can fail does."""
