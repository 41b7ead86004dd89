"""Every desk a test makes has to be lawful in the end; a mutant may be planted from outside."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from regimeflow.strategy.base import Strategy
from tests.faults.desk_script import LinkedDesk, MakeDesk
from tests.faults.mutants import MUTANT_VARIABLE, MUTANTS


@pytest.fixture(scope="session", autouse=True)
def planted_mutant() -> Iterator[None]:
    """Plant the bug named in the environment, if one is (see `make mutants`)."""
    name = os.environ.get(MUTANT_VARIABLE)
    if not name:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        MUTANTS[name].plant(patch)
        yield


@pytest.fixture
def make_desk() -> Iterator[MakeDesk]:
    """Desks that are held to the laws of every row when the test ends."""
    made: list[LinkedDesk] = []

    def make(*strategies: Strategy, **setup: Any) -> LinkedDesk:
        made.append(LinkedDesk(*strategies, **setup))
        return made[-1]

    yield make
    for desk in made:
        desk.assert_lawful()


@pytest.fixture
def desk(make_desk: MakeDesk) -> LinkedDesk:
    """One desk with one puppet strategy, proved and up."""
    return make_desk()
