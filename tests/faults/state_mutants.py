"""Bugs in what is kept of an engine, and in what is pruned because it is kept."""

from __future__ import annotations

import pytest

from regimeflow.core.holds import Holds
from regimeflow.journal import state_files, upkeep
from regimeflow.journal.segments import prune_market
from regimeflow.run import starting_point
from tests.faults.mutant import Mutant, nothing, replaced

STATES = "test_saved_states.py"


def _prune_whatever_is_old(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        upkeep,
        "prune_market",
        lambda directory, keep_from_ns, _, **options: prune_market(
            directory, keep_from_ns, 10**18, **options
        ),
    )


class _EqualToAll:
    """The digest of any state, to a reader who does not look."""

    def __ne__(self, other: object) -> bool:
        return False


STATE_MUTANTS: dict[str, Mutant] = {
    "FORGET": Mutant(
        "forgets what held entries when it begins at a saved state",
        replaced(Holds, "restore", nothing),
        (f"{STATES}::test_hold_on_a_symbol",),
    ),
    "PRUNE": Mutant(
        "prunes past the older state",
        _prune_whatever_is_old,
        (f"{STATES}::test_data_that_the_older_state_needs",),
    ),
    "SWAP": Mutant(
        "believes any state that is whole",
        replaced(state_files, "state_digest", lambda payload: _EqualToAll()),
        (f"{STATES}::test_state_in_the_place_of_another",),
    ),
    "GAP": Mutant(
        "trades on decisions that lack pruned data",
        replaced(starting_point, "market_pruned_before", lambda directory: 0),
        (f"{STATES}::test_lost_states_after_pruning",),
    ),
}
