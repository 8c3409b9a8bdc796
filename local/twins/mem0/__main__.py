"""`python -m local.twins.mem0 --port P --data DIR`."""

from local.twins.mem0.app import create
from local.twins.server import arguments, serve


def main() -> None:
    """Serves the twin until it is told to stop."""
    given = arguments("mem0", stored=True).parse_args()
    app = create(data=given.data, ingestion_ms=given.ingestion_ms, latency_ms=given.latency_ms)
    serve(app, name="mem0", port=given.port)


if __name__ == "__main__":
    main()
