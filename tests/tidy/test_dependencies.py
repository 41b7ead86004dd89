"""What the package imports is what it declares: nothing is missing, and nothing lies idle."""

from __future__ import annotations

import re
import sys
import tomllib

from tests.tidy.source import CHECKOUT, SourceFile, imported_modules, python_files

MODULES = {"PyYAML": "yaml", "python-dotenv": "dotenv"}
"""Packages whose module has another name."""
PARTS = {"pydantic_core": "pydantic"}
"""Modules that another package brings as a part of itself."""


def declared() -> dict[str, str]:
    """The package of each module that `dependencies` of the project bring."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [re.split(r"[<>=!~\[; ]", line)[0] for line in project["dependencies"]]
    return {MODULES.get(name, name): name for name in names}


def foreign_modules(files: list[SourceFile]) -> dict[str, str]:
    """Top-level modules of others that the files import, each with one place."""
    known = sys.stdlib_module_names | {"regimeflow"}
    return {
        PARTS.get(module.split(".")[0], module.split(".")[0]): source.path
        for source in files
        for _, module in imported_modules(source)
        if module.split(".")[0] not in known
    }


def test_every_import_of_the_package_is_a_declared_dependency() -> None:
    imported = foreign_modules(python_files("src/"))
    missing = {name: place for name, place in imported.items() if name not in declared()}
    assert not missing, "add it to dependencies in pyproject.toml, then run make lock"


def test_every_declared_dependency_is_imported_somewhere() -> None:
    imported = foreign_modules(python_files("src/"))
    idle = [package for module, package in declared().items() if module not in imported]
    assert not idle, "nothing imports it; remove it from pyproject.toml, then run make lock"


def test_planted_import_of_an_undeclared_package_is_found() -> None:
    planted = SourceFile("src/regimeflow/live/planted.py", "def f():\n    import requests.api\n")
    assert foreign_modules([planted]) == {"requests": planted.path}
