"""`python -m local.twins.mem0 --port P --data DIR`."""

from local.twins import options
from local.twins.mem0.app import create
from local.twins.server import arguments, serve


def main() -> None:
    """Serves the twin until it is told to stop."""
    parser = arguments("mem0", stored=True)
    options.of_mem0(parser)
    given = parser.parse_args()
    app = create(
        data=given.data,
        ingestion_ms=given.ingestion_ms,
        latency_ms=given.latency_ms,
        ingestion_failures=given.ingestion_failures,
        seed=given.seed,
        refuse_past_expiration=given.refuse_past_expiration,
    )
    serve(app, name="mem0", port=given.port)


if __name__ == "__main__":
    main()
