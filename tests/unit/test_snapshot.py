import gc
import random
import sys

import pytest
import snapshot_restore_py

from tandem.snapshot import ready_for_snapshot


@pytest.fixture(autouse=True)
def _empty_registries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_restore_py, "_before_snapshot_registry", [])
    monkeypatch.setattr(snapshot_restore_py, "_after_restore_registry", [])


def test_what_is_live_or_secret_is_let_go_before_the_snapshot() -> None:
    let_go: list[str] = []

    ready_for_snapshot(lambda: let_go.append("connection"), lambda: let_go.append("secrets"))
    assert let_go == []

    for action, arguments, options in snapshot_restore_py.get_before_snapshot():
        action(*arguments, **options)
    assert let_go == ["connection", "secrets"]


def test_what_init_has_loaded_is_not_searched_for_garbage_in_somebody_s_request() -> None:
    loaded_at_init: list[object] = [[]]
    try:
        ready_for_snapshot()
        assert not any(one is loaded_at_init for one in gc.get_objects())
    finally:
        gc.unfreeze()
    assert any(one is loaded_at_init for one in gc.get_objects())


def test_two_containers_restored_from_one_snapshot_draw_different_numbers() -> None:
    ready_for_snapshot()
    snapshot = random.getstate()
    drawn = set()

    for _ in range(2):
        random.setstate(snapshot)
        for action, arguments, options in snapshot_restore_py.get_after_restore():
            action(*arguments, **options)
        drawn.add(random.random())  # noqa: S311 - that it isn't is the point

    assert len(drawn) == 2


def test_where_the_runtime_has_no_hooks_nothing_is_registered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", None)

    ready_for_snapshot(lambda: None)

    assert snapshot_restore_py.get_before_snapshot() == []
