"""`python -m local.twins.gemini --port P`."""

from local.twins.gemini.app import create
from local.twins.server import arguments, serve


def main() -> None:
    """Serves the twin until it is told to stop."""
    given = arguments("gemini", stored=False).parse_args()
    serve(create(latency_ms=given.latency_ms), name="gemini", port=given.port)


if __name__ == "__main__":
    main()
