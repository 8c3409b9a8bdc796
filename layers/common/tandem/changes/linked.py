"""What says the same as some statements, by the links between both stores. Pure."""

from collections.abc import Mapping, Sequence

from tandem.recall.merge import Link

MEMORY = "mem_"
FACT = "fact_"


def saying_the_same(stated: Mapping[str, bytes], links: Sequence[Link]) -> dict[str, set[bytes]]:
    """These statements and what is linked to them, or to what is, in the words for which the link
    was made. A memory that was corrected since no longer says what it is linked with.

    Args:
        stated: by item id (`mem_…`, `fact_…`), how each reads (`statement_hash`).
        links: as `Links.around` has them.

    Returns:
        By item id, how each would have to read.
    """
    saying = {name: {text_hash} for name, text_hash in stated.items()}
    for _ in range(2):  # as far as `around` looks
        for link in links:
            ends = (
                (f"{MEMORY}{link.mem0_id}", link.statement_hash),
                (f"{FACT}{link.edge_uuid}", link.fact_hash or link.statement_hash),
            )
            for (one, says), (other, also) in (ends, ends[::-1]):
                if says in saying.get(one, ()):
                    saying.setdefault(other, set()).add(also)
    return saying
