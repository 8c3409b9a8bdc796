"""`python -m local.twins.zep --port P --data DIR`."""

from local.twins.server import arguments, serve
from local.twins.zep.app import create


def main() -> None:
    """Serves the twin until it is told to stop."""
    parser = arguments("zep", stored=True)
    add = parser.add_argument
    add("--idempotency-seconds", type=float, default=86_400, help="how long a key is known")
    add("--ingestion-failures", type=float, default=0, help="share of ingestions that fail")
    add("--seed", type=int, default=0, help="of the failures")
    add("--requests-per-minute", type=int, help="beyond it calls are answered 429")
    given = parser.parse_args()
    if not 0 <= given.ingestion_failures <= 1:
        parser.error("--ingestion-failures must be a number from 0 to 1")
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
