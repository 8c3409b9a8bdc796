"""What Lambda would unzip: the layer and the largest function."""

from bench.results import Result
from scripts.build import BUILD, LIMIT_BYTES, MIB, unzipped


def run() -> list[Result]:
    """Measures `.aws-sam/build`."""
    sizes = unzipped(BUILD)
    return [
        Result(
            "layer + largest function",
            sizes.total_bytes / MIB,
            LIMIT_BYTES / MIB,
            unit="MiB",
            detail=f"unzipped; largest is {sizes.largest_function}; Lambda takes 250 MiB",
        )
    ]
