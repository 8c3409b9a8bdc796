"""The twin of Gemini's REST API: replies by rule from the evidence in the request."""
