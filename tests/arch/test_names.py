"""Names that say nothing are banned; a front door says what it offers."""

import ast
import importlib

import pytest

from tests.arch.tree import PACKAGE, SRC, modules, shown

BANNED = {"base", "common", "helper", "helpers", "manager", "managers", "misc", "service"}
BANNED |= {"services", "shared", "util", "utils", "views"}

FRONT_DOORS = sorted([*PACKAGE.glob("core/*/__init__.py"), *PACKAGE.glob("kit/*.py")])
FRONT_DOORS.remove(PACKAGE / "kit" / "__init__.py")


def dotted(path):
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def reading_order(name):
    """As ruff's RUF022: constants, then classes, then functions, each by the alphabet."""
    rank = 0 if name.isupper() else 1 if name[0].isupper() else 2
    return rank, name


def test_no_module_is_a_drawer_for_everything():
    found = [shown(path) for path in modules() if {path.stem, path.parent.name} & BANNED]
    assert found == [], "name a module for the noun or the act it holds"


@pytest.mark.parametrize("path", FRONT_DOORS, ids=shown)
def test_a_front_door_lists_what_it_offers_sorted(path):
    offered = importlib.import_module(dotted(path)).__all__
    assert list(offered) == sorted(set(offered), key=reading_order)


@pytest.mark.parametrize("path", FRONT_DOORS, ids=shown)
def test_nothing_else_leaks_through_a_front_door(path):
    module = importlib.import_module(dotted(path))
    offered = set(module.__all__)
    missing = [name for name in offered if not hasattr(module, name)]
    leaked = [name for name in own_names(path) if not name.startswith("_")]
    assert missing == []
    if path.stem == "__init__":
        assert sorted(set(leaked) - offered) == [], "name it in __all__, or import it elsewhere"


def own_names(path):
    """Names that importing this file binds on purpose: its imports, functions, classes."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name


def test_every_package_says_what_it_is_for():
    silent = [
        shown(path)
        for path in modules()
        if path.name == "__init__.py" and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == [], "begin __init__.py with a docstring"


def test_every_folder_of_modules_is_a_package():
    folders = {path.parent for path in modules()} - {PACKAGE / "migrations" / "versions"}
    assert [shown(one) for one in sorted(folders) if not (one / "__init__.py").exists()] == []
