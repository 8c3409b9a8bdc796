"""What the sweep finds, wipes and forgets, against real PostgreSQL."""

import asyncio
from uuid import UUID, uuid4

import pytest

from tests.integration.delivery.talk import Talk

pytestmark = pytest.mark.integration

DAYS = 30


def owed_for(seconds: int) -> str:
    return f"owed_at = now() - interval '{seconds} s'"


def test_words_that_are_owed_for_longer_than_patience_are_found_while_nobody_is_at_work(
    talk: Talk,
) -> None:
    talk.say()
    assert not talk.is_late()
    talk.age("deliveries", owed_for(61))
    assert talk.is_late()

    zep, mem0 = talk.held("zep"), talk.held("mem0")
    assert not talk.is_late()
    talk.release(zep, rest=60)
    assert not talk.is_late()
    talk.release(mem0)
    assert talk.is_late()


def test_a_store_that_owes_nothing_does_not_make_a_session_late_for_one_that_rests(
    talk: Talk,
) -> None:
    turn = talk.say()
    talk.age("deliveries", owed_for(61))
    mem0 = talk.held("mem0")
    talk.finished(mem0, turn)
    talk.release(mem0)
    talk.release(talk.held("zep"), failures=1, rest=60)

    assert not talk.is_late()


def test_words_in_ingestion_are_left_to_their_own_wake_ups_unless_these_are_lost(
    talk: Talk,
) -> None:
    turn = talk.say()
    for store in ("zep", "mem0"):
        lease = talk.held(store)
        talk.sent(lease, turn)
        talk.release(lease, again=30)
    talk.age("deliveries", "sent_at = now() - interval '400 s'")
    assert not talk.is_late()
    talk.age("delivery_leases", "wake_at = now() - interval '59 s'")
    assert not talk.is_late()
    talk.age("delivery_leases", "wake_at = now() - interval '61 s'")
    assert talk.is_late()
    # As a version has left it that didn't keep for when it ordered a wake-up.
    talk.age("delivery_leases", "wake_at = null, not_before = now() - interval '359 s'")
    assert not talk.is_late()
    talk.age("delivery_leases", "not_before = now() - interval '361 s'")
    assert talk.is_late()


def test_what_a_dead_owner_left_is_found_once_the_lease_is_over(talk: Talk) -> None:
    turn = talk.say()
    talk.sent(talk.held("zep"), turn)
    talk.finished(talk.held("mem0"), turn)
    talk.age("deliveries", "sent_at = now() - interval '61 s', owed_at = now()")
    assert not talk.is_late()
    talk.age("delivery_leases", "lease_until = now() - interval '1 s'")
    assert talk.is_late()


def test_turns_that_nobody_will_answer_and_threads_to_be_deleted_are_found(talk: Talk) -> None:
    turn = talk.open()
    assert not talk.is_late()
    talk.lease_out(turn, minutes=11)
    assert talk.is_late()

    talk.delete()
    assert not talk.is_late()
    talk.age("sessions", "thread_deletion = 'owed'")
    assert talk.is_late()
    talk.release(talk.held("zep"), rest=60)
    assert not talk.is_late()


def test_text_is_wiped_once_both_stores_have_had_it_for_long_enough_and_ids_stay(
    talk: Talk,
) -> None:
    wiped, recent, refused = talk.say("old"), talk.say("recent"), talk.say("refused")
    talk.say("waiting")
    talk.open("open")
    for turn in (wiped, recent):
        talk.delivered(turn)
    for store in ("zep", "mem0"):
        lease = talk.held(store)
        talk.finished(lease, refused, state="refused" if store == "zep" else "ingested")
        talk.release(lease)
    talk.age("turns", "said_at = said_at - interval '40 days'")
    talk.age("deliveries", "finished_at = finished_at - interval '31 days'")
    talk.person.run(
        "update deliveries set finished_at = now() - interval '29 days'"
        " where turn_id = :t and store = 'mem0'",
        t=recent.turn_id,
    )

    assert asyncio.run(talk.sweeping.wipe_text(days=DAYS)) == 1
    assert asyncio.run(talk.sweeping.wipe_text(days=DAYS)) == 0

    assert [row[3] for row in talk.person.turns()] == [None, "recent", "refused", "waiting", "open"]
    [row] = talk.person.connection.run(
        "select id, reply, answer, request_hash, user_message_id is not null, seq,"
        " wiped_at is not null from turns where id = :t",
        t=wiped.turn_id,
    )
    assert row == [wiped.turn_id, None, None, None, True, 1, True]


def test_the_sweep_looks_only_at_turns_that_still_have_their_text(talk: Talk) -> None:
    plan = talk.person.connection.run(
        "select indexdef from pg_indexes where indexname = 'turns_with_text'"
    )
    assert "WHERE (wiped_at IS NULL)" in plan[0][0]


def test_what_has_expired_is_forgotten_and_nothing_else(talk: Talk) -> None:
    talk.open(key="old-key")
    run, account = talk.person.run, talk.person.principal.account_id
    run(
        "update idempotency_keys set created_at = now() - interval '25 hours'"
        " where account_id = :a",
        a=account,
    )
    talk.open(key="new-key")
    for name, hours in (("old", 25), ("new", 23)):
        run(
            "insert into login_failures (subject, window_started, failures)"
            " values (:s, now() - make_interval(hours => :h), 3)",
            s=f"{name}-{account}".encode(),
            h=hours,
        )
    logins = {"expired": (8, None), "revoked": (-9, 8), "lately": (6, None), "live": (-9, None)}
    ids: dict[str, UUID] = {name: uuid4() for name in logins}
    for name, (expired_days, revoked_days) in logins.items():
        run(
            "insert into logins (id, account_id, expires_at, revoked_at) values (:id, :a,"
            " now() - make_interval(days => :e),"
            " now() - make_interval(days => cast(:r as int)))",
            id=ids[name],
            a=account,
            e=expired_days,
            r=revoked_days,
        )
        run(
            "insert into refresh_tokens (token_hash, login_id, expires_at) values (:h, :id, now())",
            h=ids[name].bytes,
            id=ids[name],
        )

    for _ in range(2):  # a login goes when its tokens have gone
        asyncio.run(talk.sweeping.forget_expired())

    assert talk.person.rows("idempotency_keys", "key", "key") == [["new-key"]]
    left = {row[0] for row in talk.person.rows("logins", "id", "id")}
    assert left == {talk.person.principal.login_id, ids["lately"], ids["live"]}
    subjects = talk.person.connection.run("select subject from login_failures")
    named = {bytes(row[0]).decode() for row in subjects}
    assert {name for name in named if name.endswith(str(account))} == {f"new-{account}"}
