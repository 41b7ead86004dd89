"""The backtest a live run is held to: read from its report.json, or refused with a reason.

Another strategy's report is no baseline: reading it raises. The same strategy under other
parameters, costs or data is still a baseline, with the differences listed. Only strategies,
venue model and data are compared; `config_hash` also covers addresses and log settings, which
may differ and change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import cast

import msgspec

from regimeflow.backtest.report import SCHEMA
from regimeflow.errors import ConfigError

RETURNS_MIN = 20
"""Sessions below which a baseline cannot say what is to be expected."""
FILE_BYTES_MAX = 256 * 1024 * 1024


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """What the backtest promised. `returns` are per session, oldest first, as fractions.

    `incompatibilities` names what differs from the run at hand; empty means comparable.
    """

    path: str
    sha256: str
    engine_version: str
    config_hash: str
    data_hash: str
    start: str | None
    end: str | None
    bars: int
    frequency: str
    total_return: float | None
    cagr: float | None
    sharpe: float | None
    volatility: float | None
    max_drawdown: float | None
    returns: tuple[float, ...]
    regime_returns: dict[str, float | None]
    incompatibilities: tuple[str, ...] = ()

    @classmethod
    def load(
        cls,
        path: Path,
        *,
        strategy_names: Sequence[str],
        strategies_hash: str,
        venue_hash: str,
        data_hash: str = "",
    ) -> Baseline:
        """Read a report and compare it with the run at hand.

        `strategy_names` are the strategies' classes in configuration order. An empty hash is
        not compared (live data has none until it has happened).
        Raises ConfigError when the file is missing, unreadable, not a report, or the report of
        another strategy: the user's to mend.
        """
        content = _read(path)
        report = _parse(path, content)
        source = _mapping(path, report, "provenance")
        theirs = [str(entry.get("name", "")) for entry in _rows(path, source, "strategies")]
        if sorted(theirs) != sorted(strategy_names):
            raise ConfigError(
                f"{path}: this report is of {', '.join(theirs) or 'no strategy'}, the "
                f"configuration runs {', '.join(strategy_names)}; run `regimeflow backtest` with "
                "this configuration, or correct metrics.live.baseline_report"
            )
        hashes = {
            "strategies": (source.get("strategies_hash"), strategies_hash),
            "venue": (source.get("venue_hash"), venue_hash),
            "data": (source.get("data_hash"), data_hash),
        }
        returns = _returns(path, report)
        differences = [
            f"{name}: baseline {theirs_hash or 'none'}, this run {ours_hash}"
            for name, (theirs_hash, ours_hash) in hashes.items()
            if ours_hash and theirs_hash != ours_hash
        ]
        if len(returns) < RETURNS_MIN:
            differences.append(f"length: {len(returns)} sessions, at least {RETURNS_MIN} needed")
        return cls._from_report(path, content, report, returns, tuple(differences))

    @classmethod
    def _from_report(
        cls,
        path: Path,
        content: bytes,
        report: Mapping[str, object],
        returns: tuple[float, ...],
        incompatibilities: tuple[str, ...],
    ) -> Baseline:
        source = _mapping(path, report, "provenance")
        figures = _mapping(path, report, "performance_summary")
        bars = source.get("bars")
        return cls(
            path=path.as_posix(),
            sha256=sha256(content).hexdigest(),
            engine_version=str(source.get("engine_version", "")),
            config_hash=str(source.get("config_hash", "")),
            data_hash=str(source.get("data_hash", "")),
            start=_text(source.get("first_session")),
            end=_text(source.get("last_session")),
            bars=bars if isinstance(bars, int) else 0,
            frequency=str(source.get("frequency", "")),
            total_return=_number(figures.get("total_return")),
            cagr=_number(figures.get("cagr")),
            sharpe=_number(figures.get("sharpe_ratio")),
            volatility=_number(figures.get("volatility")),
            max_drawdown=_number(figures.get("max_drawdown")),
            returns=returns,
            regime_returns={
                str(row.get("regime")): _number(row.get("return"))
                for row in _rows(path, report, "regime_performance")
            },
            incompatibilities=incompatibilities,
        )


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise ConfigError(f"{path}: larger than {FILE_BYTES_MAX} bytes; not a report.json")
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"cannot read the baseline {path}: {error.strerror or error}; run `regimeflow "
            "backtest` first, or remove metrics.live.baseline_report"
        ) from error


def _parse(path: Path, content: bytes) -> Mapping[str, object]:
    try:
        report = msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path}: not JSON ({error}); write it again with a backtest") from error
    schema = report.get("schema") if isinstance(report, dict) else None
    if schema != SCHEMA:
        raise ConfigError(f"{path}: schema {schema!r}, expected {SCHEMA!r}: not a report of ours")
    return cast("Mapping[str, object]", report)


def _returns(path: Path, report: Mapping[str, object]) -> tuple[float, ...]:
    returns = tuple(_number(row.get("return")) for row in _rows(path, report, "equity"))
    kept = tuple(value for value in returns if value is not None)
    if len(kept) != len(returns) or any(value <= -1.0 for value in kept):
        raise ConfigError(
            f"{path}: every row of `equity` needs a `return` above -1 (an account that lost "
            "everything promises nothing); run the backtest again"
        )
    return kept


def _mapping(path: Path, document: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = document.get(name)
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: `{name}` is missing; write the report again with a backtest")
    return cast("Mapping[str, object]", value)


def _rows(path: Path, document: Mapping[str, object], name: str) -> Sequence[Mapping[str, object]]:
    value = document.get(name)
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise ConfigError(f"{path}: `{name}` is not a list of rows; run the backtest again")
    return cast("Sequence[Mapping[str, object]]", value)


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(cast("float", value)) if is_number else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
