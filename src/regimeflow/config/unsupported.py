"""Keys that are documented but whose behaviour is not built yet: one table, meant to shrink.

A key listed here is refused unless its value says "off" (accepting and ignoring a key is worse than
refusing it). Building the behaviour means adding the key to its section and deleting its row here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from regimeflow.config.document import Document, Tree
from regimeflow.config.problems import KeyPath, shown

_NETWORKED_BROKER = "only broker sim exists in this version"
_EXITS = "protective exits are not built"


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Why a key is refused, and which values of it are harmless because they mean off.

    `values`: only these values are refused (any other is judged by the section).
    `off`: these values are accepted and dropped.
    `switch`: a mapping whose key of this name is false is accepted and dropped; `inner` are its
    other known keys.
    """

    reason: str
    values: tuple[str, ...] = ()
    off: tuple[bool | str | int, ...] = ()
    switch: str | None = None
    inner: tuple[str, ...] = ()


UNSUPPORTED: Mapping[str, Unsupported] = {
    "live.broker": Unsupported(_NETWORKED_BROKER, values=("alpaca", "binance", "ib")),
    "live.dry_run": Unsupported("every order would be submitted", off=(False,)),
    "live.shadow": Unsupported("shadow trading is not built", off=(False,)),
    "live.journal.market_retention_days": Unsupported(
        "recorded market data is kept; pruning it is not built", off=(0,)
    ),
    "live.replay_journal_path": Unsupported("the event export is not built", off=("",)),
    "live.risk.stop_loss": Unsupported(_EXITS, switch="enable", inner=("pct",)),
    "live.risk.trailing_stop": Unsupported(_EXITS, switch="enable", inner=("pct",)),
    "live.risk.atr_stop": Unsupported(_EXITS, switch="enable", inner=("window", "multiplier")),
    "live.risk.time_stop": Unsupported(_EXITS, switch="enable", inner=("max_holding_seconds",)),
    "live.risk.limits.loss_velocity": Unsupported("the loss velocity control is not built"),
    "live.risk.limits.price_collar_ticks": Unsupported("use price_collar_pct"),
    "live.risk.limits.price_drift_window": Unsupported("the price drift control is not built"),
    "live.risk.limits.repeat_limit": Unsupported("the repeated execution control is not built"),
    "live.risk.limits.reject_limit": Unsupported("the reject storm control is not built"),
    "live.risk.limits.sector_limits": Unsupported("group limits are not built"),
    "live.risk.limits.sector_map": Unsupported("group limits are not built"),
    "live.risk.limits.industry_limits": Unsupported("group limits are not built"),
    "live.risk.limits.industry_map": Unsupported("group limits are not built"),
    "live.risk.limits.correlation": Unsupported("the correlation limit is not built"),
    "live.risk.limits.quote_max_age_ms": Unsupported("use max_reference_age"),
    "live.risk.limits.max_price_jump_pct": Unsupported("the price jump control is not built"),
    "metrics.prometheus": Unsupported(
        "the metrics endpoint is not built", switch="enabled", inner=("host", "port", "path")
    ),
    "account.margin.maintenance_margin_ratio": Unsupported("margin calls are not built"),
    "account.margin.stop_out_margin_level": Unsupported("margin calls are not built"),
}


def unsupported_names(parent: KeyPath) -> tuple[str, ...]:
    """Names of refused keys directly under a path, so that a typo of one is still recognised."""
    prefix = "".join(f"{part}." for part in parent)
    names = (path.removeprefix(prefix) for path in UNSUPPORTED if path.startswith(prefix))
    return tuple(name for name in names if "." not in name)


def refuse_unsupported(document: Document) -> None:
    """Judge every listed key of the document, and take it out so that it is judged once."""
    for dotted, row in UNSUPPORTED.items():
        path: KeyPath = tuple(dotted.split("."))
        if not document.has(path) or path in document.settled:
            continue
        value = document.at(path)
        if row.values and value not in row.values:
            continue
        if not _is_off(row, value):
            document.refuse(
                path,
                seen=shown(value, path),
                expected=_expectation(row),
                next_step=f"not supported yet: {row.reason}",
            )
        elif isinstance(value, dict):
            _refuse_unknown_inner(document, path, row, value)
        document.remove(path)
        if row.values:
            document.remove((*path[:-1], "broker_config"))


def _is_off(row: Unsupported, value: Tree) -> bool:
    if row.switch is not None:
        return isinstance(value, dict) and value.get(row.switch) is False
    return any(value == off and type(value) is type(off) for off in row.off)


def _expectation(row: Unsupported) -> str:
    if row.switch is not None:
        return f"no such key, or {row.switch}: false"
    if row.off:
        off = row.off[0]
        return f"no such key, or {'false' if off is False else repr(off)}"
    return "sim" if row.values else "no such key"


def _refuse_unknown_inner(
    document: Document, path: KeyPath, row: Unsupported, value: dict[str, Tree]
) -> None:
    known = (*row.inner, row.switch)
    for name in value:
        if name not in known:
            expected = f"one of {', '.join(str(item) for item in known)}"
            document.refuse(
                (*path, name), seen="an unknown key", expected=expected, next_step="remove it"
            )
