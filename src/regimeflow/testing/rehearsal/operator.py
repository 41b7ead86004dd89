"""An operator in a rehearsal: somebody who stops, closes and lets go on, at the worst times."""

from __future__ import annotations

import asyncio
import random

from regimeflow.live.operator import Wish
from regimeflow.testing.rehearsal.stage import FAULT, Stage

COMMANDED = ("flatten", "cancel-all", "halt", "resume")


def command(stage: Stage, verb: str) -> None:
    """Give a command the way the control address does; nobody hears it where no engine is up."""
    runner = stage.runner
    if runner is None:
        return

    def give() -> None:
        wish = Wish(id=f"rehearsed-{stage.injected.total()}", reason="rehearsed")
        if runner.control.take(verb, wish, lambda: None):
            stage.injected[f"operator {verb}"] += 1
            stage.timeline.note(f"an operator commands: {verb}", FAULT)

    stage.engine.call(give)


async def operate(stage: Stage, rng: random.Random) -> None:
    """Mostly flatten; whoever halts lets trading go on in the end, as far as that is granted."""
    for _ in range(rng.randint(3, 6)):
        await asyncio.sleep(rng.uniform(3, 35))
        verb = rng.choice(("flatten", "flatten", "cancel-all", "halt"))
        command(stage, verb)
        if verb == "halt":
            await asyncio.sleep(rng.uniform(0.5, 15))
            command(stage, rng.choice(("flatten", "resume")))
        await asyncio.sleep(rng.uniform(0, 10))
        command(stage, "resume")
