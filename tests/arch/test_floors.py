"""Who may import whom: the contracts in pyproject.toml, and what kit may use."""

import ast
import logging.config
import sys

from importlinter.cli import lint_imports

from tests.arch.tree import PACKAGE, ROOT, modules, shown


def test_every_import_points_downwards(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    # It would switch off every logger there is, for the tests that come after this one.
    monkeypatch.setattr(logging.config, "dictConfig", lambda config: None)
    ended = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert ended == 0, capsys.readouterr().out


def test_kit_imports_only_the_standard_library():
    strangers = [
        f"{shown(path)} imports {name}"
        for path in modules(PACKAGE / "kit")
        for name in imported(path)
        if name.split(".")[0] not in sys.stdlib_module_names
        and not f"{name}.".startswith("polyreel.kit.")
    ]
    assert strangers == []


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."
