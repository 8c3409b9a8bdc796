"""Changes of memory, on one journalled path: recorded, sent, confirmed; resumable and undoable."""
