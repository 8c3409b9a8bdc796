"""The README's tables against the code: codes, settings, routes and commands, none missing."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from local.template import load_template
from tandem import errors
from tandem.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
BASE = errors.AppError  # handlers are registered for it; nothing raises it
ERRORS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, BASE) and kind is not BASE
}
TREE = {"errors.py", "problems.py"}  # define and translate errors, and raise none
NOT_CODES = {"turn_id"}  # a member of the document
NO_DEFAULT, NOTHING = "\N{EN DASH}", "Google's own"
READ_ELSEWHERE = {"SECRET_ARN": NO_DEFAULT}  # by tandem.secrets


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    section = README.split(f"# {heading}\n", 1)[1].split("\n#", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


# ------------------------------------------------------------------ error codes


def codes_in_code() -> set[str]:
    found: set[str] = set()
    for folder in ("layers/common/tandem", "functions"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name not in TREE:
                found |= set(codes_of(ast.parse(path.read_text()), path.name))
    return found


def codes_of(tree: ast.Module, file: str) -> Iterator[str]:
    """Codes that a module gives to problems, or leaves to the class of the error."""
    takes_code = {
        node.name: [argument.arg for argument in node.args.args].index("code")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and "code" in [a.arg for a in node.args.args]
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="isinstance") | ast.Attribute(attr="suppress")):
                continue
            case ast.Call(func=ast.Name(id=name), args=arguments) if name in takes_code:
                yield from constants(arguments[takes_code[name]])
            case ast.Call(func=called, keywords=keywords):
                given = [keyword.value for keyword in keywords if keyword.arg == "code"]
                yield from (code for value in given for code in constants(value))
                yield from default_of(called) if not given else ()
                yield from (code for value in node.args for code in default_of(value))
            case ast.Raise(exc=ast.expr() as raised):
                yield from default_of(raised)
            case ast.Assign(value=ast.expr() as value) | ast.AnnAssign(value=ast.expr() as value):
                yield from default_of(value)
            case ast.Tuple(elts=[first, _]) if file == "web.py":
                yield from constants(first)


def constants(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value


def default_of(value: ast.expr) -> Iterator[str]:
    """The code of an error's class, when `value` names one."""
    if isinstance(value, ast.Name) and value.id in ERRORS:
        yield ERRORS[value.id].default_code


def test_the_table_of_error_codes_has_every_code_of_the_code_and_no_other() -> None:
    told = {
        word
        for _, codes in rows("Error codes")
        for word in quoted(codes)
        if re.fullmatch(r"[a-z_]+", word)
    }
    assert told - NOT_CODES == codes_in_code()


# ------------------------------------------------------------------ settings


def told_settings() -> dict[str, str]:
    told: dict[str, str] = {}
    for variables, default, _ in rows("Settings"):
        names, defaults = quoted(variables), default.split(", ")
        told |= zip(names, defaults * len(names) if len(defaults) == 1 else defaults, strict=True)
    return told


def settings_in_code() -> dict[str, str]:
    found = {}
    for kind in Settings.__subclasses__():
        for name, field in kind.model_fields.items():
            found[name.upper()] = NO_DEFAULT if field.is_required() else shown(field.default)
    return found


def shown(default: object) -> str:
    if default is None:
        return NOTHING
    return f"{default:g}" if isinstance(default, int | float) else f"`{default}`"


def test_the_table_of_settings_has_every_setting_with_its_default_and_no_other() -> None:
    assert told_settings() == settings_in_code() | READ_ELSEWHERE


# ------------------------------------------------------------------ endpoints, commands


def told_routes() -> set[str]:
    """`POST /a/b` `c` is POST /a/b and POST /a/c; `GET` `PUT /a` is GET /a and PUT /a."""
    told: set[str] = set()
    for calls, _ in rows("The endpoints"):
        methods: list[str] = []
        path = ""
        for call in quoted(calls):
            words = call.split()
            if words[0].isupper():
                methods = [*([] if path else methods), words[0]]
                path = words[1] if len(words) > 1 else ""
            else:
                path = f"{path.rpartition('/')[0]}/{call}"
            told |= {f"{method} {path}" for method in methods if path}
    return told


def test_the_table_of_endpoints_has_every_route_of_the_template_and_no_other() -> None:
    api = load_template(ROOT / "template.yaml").api
    assert api is not None
    assert told_routes() == {route.key for route in api.routes}


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE))
    assert {"dev", "test", "demo", "build"} <= named
    assert named <= targets
