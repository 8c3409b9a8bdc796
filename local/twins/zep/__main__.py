"""`python -m local.twins.zep --port P --data DIR`."""

from local.twins import options
from local.twins.server import arguments, serve
from local.twins.zep.app import create


def main() -> None:
    """Serves the twin until it is told to stop."""
    parser = arguments("zep", stored=True)
    options.of_zep(parser)
    given = parser.parse_args()
    app = create(
        data=given.data,
        ingestion_ms=given.ingestion_ms,
        ingestion_failures=given.ingestion_failures,
        seed=given.seed,
        latency_ms=given.latency_ms,
        idempotency_seconds=given.idempotency_seconds,
        requests_per_minute=given.requests_per_minute,
    )
    serve(app, name="zep", port=given.port)


if __name__ == "__main__":
    main()
