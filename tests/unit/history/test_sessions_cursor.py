"""A cursor that somebody has made up passes the digest; what is in it must do no harm."""

from uuid import uuid4

import pytest

from history_api.service import SessionsCursor
from tandem.cursors import Cursor, read_cursor, write_cursor
from tandem.errors import InvalidInput


class MadeUp(Cursor):
    created_at: str
    id: str


def written(cursor: Cursor) -> str:
    return write_cursor(cursor, scope="sessions:somebody")


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_that_is_none_in_utc_is_refused(moment: str) -> None:
    cursor = written(MadeUp(created_at=moment, id=str(uuid4())))

    with pytest.raises(InvalidInput) as refused:
        read_cursor(SessionsCursor, cursor, scope="sessions:somebody")

    assert refused.value.code == "invalid_cursor"


def test_a_moment_of_another_zone_is_the_same_moment() -> None:
    cursor = written(MadeUp(created_at="2026-11-20T12:00:00+02:00", id=str(uuid4())))

    seen = read_cursor(SessionsCursor, cursor, scope="sessions:somebody")

    assert seen.created_at.isoformat() == "2026-11-20T10:00:00+00:00"
