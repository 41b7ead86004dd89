"""`regimeflow brokers`: what each broker can do, and how far that is proved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimeflow.cli.reply import Json, JsonOption, Reply, Status

if TYPE_CHECKING:
    from regimeflow.brokers.catalog import Capabilities

LABEL_WIDTH = 24


def brokers(*, as_json: JsonOption = False) -> None:
    """Show each broker's capabilities and validation status."""
    from regimeflow.brokers.catalog import BROKERS, Validation

    with Reply("brokers", is_json=as_json) as reply:
        listed: list[Json] = []
        for broker in BROKERS:
            is_built = broker.validation is not Validation.NOT_SUPPORTED
            reply.item(
                broker.name,
                Status.PASS if is_built else Status.SKIP,
                seen=f"{broker.validation}: {broker.evidence}",
                fix="" if is_built else "use broker: sim",
            )
            reply.say(f"{broker.name:<9}{broker.title}: {broker.validation} ({broker.evidence})")
            rows = _rows(broker.capabilities) if broker.capabilities is not None else {}
            for label, value in rows.items():
                reply.say(f"  {label.replace('_', ' '):<{LABEL_WIDTH}}{_text(value)}")
            listed.append(
                {
                    "name": broker.name,
                    "title": broker.title,
                    "validation": broker.validation.value,
                    "evidence": broker.evidence,
                    "capabilities": rows or None,
                }
            )
        reply.add(brokers=listed)


def _rows(capabilities: Capabilities) -> dict[str, Json]:
    import msgspec

    row: dict[str, Json] = msgspec.to_builtins(capabilities)
    return row


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
