"""Which route answers, and what answers when none does."""

import pytest

from local.gateway.routing import choose
from local.resources import Route
from tests.functional.gateway_harness import Browser, Functions, api

ROUTES = (
    Route("ANY", "$default", "Default", None),
    Route("ANY", "/{proxy+}", "GreedyAny", None),
    Route("GET", "/shop/{rest+}", "ShopGreedy", None),
    Route("ANY", "/shop/{item}", "ShopAny", None),
    Route("GET", "/shop/{item}", "ShopItem", None),
    Route("GET", "/shop/sale", "Sale", None),
    Route("GET", "/{area}/sale", "AnySale", None),
    Route("GET", "/{area}/{item}", "TwoVariables", None),
)


@pytest.mark.parametrize(
    ("method", "path", "function_id"),
    [
        ("GET", "/shop/sale", "Sale"),
        ("GET", "/shop/pen", "ShopItem"),
        ("POST", "/shop/pen", "ShopAny"),
        ("GET", "/pet/sale", "AnySale"),
        ("GET", "/pet/food", "TwoVariables"),
        ("GET", "/shop/pen/blue", "ShopGreedy"),
        ("GET", "/garden/pen/blue", "GreedyAny"),
        ("POST", "/garden", "GreedyAny"),
        ("GET", "/", "Default"),
    ],
)
def test_the_most_specific_route_is_chosen(method: str, path: str, function_id: str) -> None:
    match = choose(ROUTES, method, path)
    assert match is not None
    assert match.route.function_id == function_id


def test_a_greedy_variable_needs_at_least_one_segment() -> None:
    assert choose((Route("GET", "/files/{path+}", "Files", None),), "GET", "/files/") is None
    assert choose((Route("GET", "/files/{path+}", "Files", None),), "GET", "/files") is None


@pytest.mark.parametrize("path", ["/open/", "/OPEN", "/open/more", "/nothing"])
def test_an_unknown_path_is_a_404_in_the_gateways_words(path: str) -> None:
    answer = Browser(Functions()).send("GET", path)
    assert answer.status_code == 404
    assert answer.json() == {"message": "Not Found"}
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("method", ["DELETE", "HEAD", "OPTIONS"])
def test_a_wrong_method_is_a_404_and_never_a_405(method: str) -> None:
    assert Browser(Functions()).send(method, "/open").status_code == 404


def test_the_default_route_has_its_name_as_route_key() -> None:
    functions = Functions()
    routes = (Route("ANY", "$default", "Default", None),)
    assert Browser(functions, api(routes)).send("GET", "/anything").status_code == 200
    assert functions.events("Default")[0]["routeKey"] == "$default"


def test_an_encoded_literal_segment_matches_its_route() -> None:
    assert Browser(Functions()).send("GET", "/%6Fpen").status_code == 200
