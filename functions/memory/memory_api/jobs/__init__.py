"""Work that nobody waits for: each module is the handler of a Lambda of its own."""
