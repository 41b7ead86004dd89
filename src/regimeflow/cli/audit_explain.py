"""`regimeflow audit explain`: the whole story of one order, from the journal."""

from __future__ import annotations

from typing import Annotated

import typer

from regimeflow.cli.audit_places import LogDirOption, find_places
from regimeflow.cli.reply import Json, JsonOption, Reply, Status


def explain(
    order_id: Annotated[
        str, typer.Argument(metavar="ORDER_ID", help="A client or broker order id.")
    ],
    *,
    log_dir: LogDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell the story of one order; exit 1 when nothing mentions it."""
    from regimeflow.errors import ConfigError
    from regimeflow.journal import JournalRecords
    from regimeflow.model.timestamps import format_ns
    from regimeflow.observe.audit_explain import explain_order

    with Reply("audit-explain", is_json=as_json) as reply:
        places = find_places(None, log_dir)
        if places.journal is None:
            raise ConfigError(
                f"{places.audit}: an order's story is told from the journal, and none is beside it"
            )
        story = explain_order(JournalRecords(places.journal), order_id)
        told: list[Json] = [
            {
                "seq": line.seq,
                "timestamp": format_ns(line.ts_ns),
                "cause_seq": line.cause_seq,
                "text": line.text,
                "is_cause": line.is_cause,
            }
            for line in story.lines
        ]
        reply.add(order_id=order_id, ids=list(story.ids), lines=told, left_out=story.left_out)
        if story.lines:
            reply.item("order", Status.PASS, seen=f"{len(story.lines)} records")
            reply.say(story.text())
        else:
            fix = "look for its id with regimeflow audit show"
            reply.item("order", Status.FAIL, seen="no record mentions it", fix=fix)
            reply.say_failure(f"error: {story.text()}; {fix}")
