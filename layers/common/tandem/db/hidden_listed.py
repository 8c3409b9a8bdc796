"""What is hidden in PostgreSQL alone: memories that Mem0 goes on listing, because it refused a past
expiration date."""

from collections.abc import Iterable

from tandem.ids import Mem0Id

# A CTE to be put behind one that is called `caller` and has `account_id`; always one row. Where
# Mem0 takes past dates it is empty, and so it needs no bound: what is hidden is purged in time.
HIDDEN = """
hidden_listed as (
    select coalesce(jsonb_agg(h.mem0_id order by h.mem0_id), '[]'::jsonb) as ids
      from hidden_memories h
      join caller c on c.account_id = h.account_id
     where h.listed and h.purged_at is null
)
"""


def parse_hidden(ids: Iterable[str]) -> frozenset[Mem0Id]:
    """`hidden_listed.ids` as typed ids."""
    return frozenset(map(Mem0Id, ids))
