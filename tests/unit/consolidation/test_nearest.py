"""Nearest neighbours by meaning, without comparing everything with everything."""

import math
import random

import pytest

from memory_api.consolidation import nearest as module
from memory_api.consolidation.nearest import ALL_COMPARED, nearest


def vector(draw: random.Random, length: int = 32) -> list[float]:
    return [draw.gauss() for _ in range(length)]


def pairs_among_others(count: int, seed: int) -> tuple[dict[str, list[float]], list[str]]:
    """Vectors in pairs at a cosine of about 0.8: `a7` with `b7`."""
    draw = random.Random(seed)  # noqa: S311 - a fixture, not a secret
    vectors = {}
    for number in range(count):
        one = vector(draw)
        vectors[f"a{number}"] = one
        vectors[f"b{number}"] = [0.8 * x + 0.6 * y for x, y in zip(one, vector(draw), strict=True)]
    return vectors, [str(number) for number in range(count)]


def test_few_vectors_are_all_compared_and_the_nearest_comes_first() -> None:
    near = nearest({"e": [1.0, 0.0], "n": [0.0, 1.0], "ne": [1.0, 0.9], "w": [-1.0, 0.0]}, 2)
    assert near["e"][0] == "ne"


@pytest.mark.parametrize("count", [100, 400])
def test_what_is_alike_is_found_among_many(count: int) -> None:
    vectors, numbers = pairs_among_others(count, seed=count)
    near = nearest(vectors, 5)
    found = sum(f"b{n}" in near[f"a{n}"] or f"a{n}" in near[f"b{n}"] for n in numbers)
    assert found >= 0.97 * count


def test_the_same_vectors_in_another_order_have_the_same_neighbours() -> None:
    vectors, _ = pairs_among_others(ALL_COMPARED, seed=3)
    assert nearest(vectors, 5) == nearest(dict(reversed(vectors.items())), 5)


def test_each_has_as_many_neighbours_as_were_asked_for() -> None:
    vectors, _ = pairs_among_others(ALL_COMPARED, seed=5)
    assert {len(others) for others in nearest(vectors, 7).values()} == {7}


@pytest.mark.parametrize("count", [20, 400])
def test_what_is_kept_apart_is_not_found_by_its_like(count: int) -> None:
    vectors, _ = pairs_among_others(count, seed=8)
    apart = {one for one in vectors if one.startswith("b")}
    for one, others in nearest(vectors, 4, apart=apart).items():
        assert len(others) == 4
        assert one not in others
        assert one not in apart or not apart & set(others)


def test_where_nearly_all_are_kept_apart_each_still_finds_the_others() -> None:
    vectors, _ = pairs_among_others(200, seed=8)
    free = ["a1", "b7", "b9"]
    near = nearest(vectors, 4, apart=set(vectors) - set(free))
    assert all(set(near[one]) == set(free) for one in vectors if one not in free)


def test_a_crowd_of_the_same_is_not_compared_with_all_of_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draw = random.Random(9)  # noqa: S311 - a fixture, not a secret
    one = vector(draw)
    vectors = {f"{n:04}": [part + draw.gauss() * 1e-9 for part in one] for n in range(1500)}
    vectors |= {f"other{n}": vector(draw) for n in range(100)}
    compared = 0

    def counted(a: list[float], b: list[float]) -> float:
        nonlocal compared
        compared += 1
        return math.fsum(x * y for x, y in zip(a, b, strict=True))

    monkeypatch.setattr(module.math, "sumprod", counted)
    near = nearest(vectors, 2)
    assert all(len(others) == 2 for others in near.values())
    assert compared < 300 * len(vectors)  # the planes included; all pairs would be 800 each


def test_vectors_that_are_none_have_no_neighbours() -> None:
    near = nearest(
        {
            "a": [1.0, 2.0],
            "b": [2.0, 1.0],
            "nan": [math.nan, 1.0],
            "short": [1.0],
            "infinite": [math.inf, 1.0],
        },
        3,
    )
    assert near == {"a": ["b"], "b": ["a"]}
    assert nearest({}, 3) == {}
    assert nearest({"a": [1.0], "b": [1.0]}, 3) == {}
