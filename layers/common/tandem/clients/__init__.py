"""Clients of Zep, Mem0 and Gemini: one class each, the only places that speak their wires."""
