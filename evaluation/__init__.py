"""What the product is judged by: labelled sets, and memories to hide them among."""
