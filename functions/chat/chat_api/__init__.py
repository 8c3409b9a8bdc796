"""One turn of chat. The only function that imports Agno."""
