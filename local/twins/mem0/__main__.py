"""`python -m local.twins.mem0 --port P --data DIR`."""

from local.twins.mem0.app import create
from local.twins.server import arguments, serve


def main() -> None:
    """Serves the twin until it is told to stop."""
    parser = arguments("mem0", stored=True)
    parser.add_argument(
        "--ingestion-failures", type=float, default=0.0, help="share of ingestions that fail"
    )
    parser.add_argument("--seed", "--ingestion-seed", type=int, default=0, help="of the failures")
    parser.add_argument(
        "--refuse-past-expiration",
        action="store_true",
        help="answer 400 to an expiration date that has passed",
    )
    given = parser.parse_args()
    if not 0 <= given.ingestion_failures <= 1:
        parser.error("--ingestion-failures must be a number from 0 to 1")
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
