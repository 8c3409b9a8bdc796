"""Refusals as the platform writes them, with `detail` beside the key of each endpoint."""

from __future__ import annotations

from local.twins.server import Answer, Refusal


def error(status: int, message: str, key: str = "error") -> Answer:
    """{"error" | "message" | "detail": message, "detail": message}."""
    return Answer({key: message, "detail": message}, status)


def refused(message: str, *, status: int = 400, key: str = "error") -> Refusal:
    """The same, to be raised."""
    return Refusal(error(status, message, key))


def bad_input(message: str) -> Refusal:
    """400 of the add endpoints."""
    body = {"error": "400 Bad Request", "details": {"message": message}, "detail": message}
    return Refusal(Answer(body, 400))


def not_found() -> Refusal:
    """404 of a memory."""
    return refused("Memory not found!", status=404)
