"""When `make dev` says what is owed, and how."""

from local.owed import Owed, Telling


def said(*moments: tuple[float, Owed]) -> list[str]:
    telling = Telling()
    lines = [telling.line(owed, now) for now, owed in moments]
    return [line for line in lines if line is not None]


def test_what_arrives_within_a_second_or_two_is_not_worth_a_line() -> None:
    assert said((0, Owed()), (1, Owed(2, 1, 0.4, 1)), (2, Owed(2, 1, 1.9)), (3, Owed())) == []


def test_what_is_late_is_one_line_and_so_is_that_it_arrived() -> None:
    assert said(
        (0, Owed(3, 2, 12.4, 1)),
        (1, Owed(3, 2, 13.4, 1)),
        (60, Owed(3, 2, 72.4, 1)),
        (61, Owed()),
        (62, Owed()),
    ) == [
        "owed: zep 3, mem0 2 (oldest 12 s)  open turns 1  dead letters 0",
        "owed: nothing any more",
    ]


def test_other_numbers_are_another_line_but_not_every_second() -> None:
    moments = [(float(second), Owed(20 - second, 0, 30)) for second in range(11)]
    assert [line.split(",")[0] for line in said(*moments)] == [
        "owed: zep 20",
        "owed: zep 15",
        "owed: zep 10",
    ]


def test_what_is_new_again_is_not_told_as_arrived() -> None:
    late, fresh = Owed(2, 0, 9), Owed(2, 0, 0.5)
    assert said((0, late), (6, fresh), (7, Owed())) == [str(late), "owed: nothing any more"]


def test_dead_letters_are_told_at_once_and_alone() -> None:
    assert said((0, Owed(dead_letters=1)), (1, Owed(dead_letters=2)), (9, Owed())) == [
        "owed: zep 0, mem0 0  open turns 0  dead letters 1",
        "owed: zep 0, mem0 0  open turns 0  dead letters 2",
        "owed: nothing any more",
    ]
