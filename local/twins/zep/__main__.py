"""`python -m local.twins.zep --port P --data DIR`."""

from local.twins.server import arguments, serve
from local.twins.zep.app import create


def main() -> None:
    """Serves the twin until it is told to stop."""
    parser = arguments("zep", stored=True)
    parser.add_argument("--idempotency-seconds", type=float, default=86_400)
    given = parser.parse_args()
    app = create(
        data=given.data,
        ingestion_ms=given.ingestion_ms,
        latency_ms=given.latency_ms,
        idempotency_seconds=given.idempotency_seconds,
    )
    serve(app, name="zep", port=given.port)


if __name__ == "__main__":
    main()
