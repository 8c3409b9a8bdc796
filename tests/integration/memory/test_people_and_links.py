"""Whom a change is about and what is linked, against real PostgreSQL."""

import asyncio
from uuid import UUID, uuid4

import pytest

from tandem.db.connection import Database, OneRoundTrip
from tandem.db.links import Links
from tandem.db.people import People, Subject
from tandem.errors import Forbidden, Unauthenticated
from tandem.ids import AccountId, LoginId, Mem0Id, ZepUuid
from tandem.principal import Principal
from tandem.recall.merge import Link
from tests.integration.turn_ledger import Someone

pytestmark = pytest.mark.integration


def _link(someone: Someone, mem0_id: str, edge_uuid: UUID) -> Link:
    someone.run(
        "insert into links (account_id, mem0_id, edge_uuid, statement_hash)"
        " values (:account, :m, :e, :h)",
        m=mem0_id,
        e=edge_uuid,
        h=b"hash",
    )
    return Link(Mem0Id(mem0_id), ZepUuid(edge_uuid), b"hash")


def test_a_person_is_found_with_what_zep_calls_them(container: Database, ada: Someone) -> None:
    people = People(container)
    user, graph = uuid4(), uuid4()
    assert asyncio.run(people.find(ada.account_id)) == Subject(ada.account_id)
    ada.run(
        "update accounts set zep_user_uuid = :u, zep_graph_uuid = :g where id = :account",
        u=user,
        g=graph,
    )
    known = Subject(ada.account_id, ZepUuid(user), ZepUuid(graph))
    assert asyncio.run(people.find(ada.account_id)) == known
    assert asyncio.run(people.admitted(ada.principal, ada.user_id)) == known
    assert asyncio.run(people.find(AccountId(uuid4()))) is None


def test_only_a_live_login_is_admitted_and_only_under_its_own_name(
    container: Database, ada: Someone
) -> None:
    people = People(container)
    with pytest.raises(Forbidden):
        asyncio.run(people.admitted(ada.principal, "somebody-else"))
    with pytest.raises(Unauthenticated):
        asyncio.run(people.admitted(Principal(ada.account_id, LoginId(uuid4()))))


def test_links_are_followed_from_either_side_and_never_to_somebody_else(
    container: Database, ada: Someone, connection: OneRoundTrip
) -> None:
    links, edges = Links(container), [uuid4() for _ in range(4)]
    near = [_link(ada, "m1", edges[0]), _link(ada, "m2", edges[0]), _link(ada, "m2", edges[1])]
    far = _link(ada, "m3", edges[2])
    _link(Someone.sign_up(connection), "m1", edges[3])

    assert set(asyncio.run(links.around(ada.account_id, ["mem_m1"]))) == set(near[:2])
    assert set(asyncio.run(links.around(ada.account_id, [f"fact_{edges[0]}"]))) == set(near)
    assert asyncio.run(links.around(ada.account_id, ["mem_m9", "said_1"])) == []
    assert set(asyncio.run(links.all(ada.account_id))) == {*near, far}
