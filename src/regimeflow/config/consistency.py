"""What no single key can tell: sections that contradict each other are refused.

Runs on a configuration whose keys are all valid; records problems in the document, so that the line
of the key to change is known.
"""

from __future__ import annotations

from regimeflow.config.document import Document
from regimeflow.config.problems import KeyPath, nearest, shown
from regimeflow.config.root import Config


def check_consistency(document: Document, config: Config) -> None:
    """Record every contradiction between sections of a valid configuration."""
    _check_strategies(document, config)
    _check_symbols(document, config)
    _check_live(document, config)
    _check_regime(document, config)
    _check_currency(document, config)
    backtest = config.backtest
    _check_order(document, ("backtest", "end_date"), backtest.start_date, backtest.end_date)
    train = config.regime.train
    if train is not None:
        _check_order(document, ("regime", "train", "end"), train.start, train.end)


def _check_order(document: Document, path: KeyPath, start: object, end: object) -> None:
    if start is not None and end is not None and str(end) < str(start):
        document.refuse(
            path, seen=str(end), expected=f"a day not before {start}", next_step="correct one"
        )


def _check_strategies(document: Document, config: Config) -> None:
    ids: dict[str, int] = {}
    for i, entry in enumerate(config.strategies):
        first = ids.setdefault(entry.id, i)
        if first != i:
            document.refuse(
                ("strategies", i, "id"),
                seen=f"the id {entry.id}, as in entry {first}",
                expected="an id of its own for each strategy",
                next_step="give this entry another id",
            )


def _check_symbols(document: Document, config: Config) -> None:
    if not config.symbols:
        document.refuse(
            ("strategies", 0, "symbols"),
            seen="no symbols",
            expected="symbols of the strategy, or live.symbols",
            next_step="add symbols: [AAPL]",
        )
    for name in config.instruments:
        if name not in config.symbols:
            _refuse_stranger(document, ("instruments", name), name, config.symbols)
    if config.live is None:
        return
    for i, entry in enumerate(config.strategies):
        for k, symbol in enumerate(entry.symbols):
            if symbol not in config.live.symbols:
                document.refuse(
                    ("strategies", i, "symbols", k),
                    seen=shown(symbol),
                    expected="a symbol of live.symbols",
                    next_step="add it to live.symbols, or remove it here",
                )


def _check_live(document: Document, config: Config) -> None:
    live = config.live
    if live is None:
        return
    if not live.paper:
        document.refuse(
            ("live", "paper"),
            seen="false",
            expected="true: the account of broker sim is simulated",
            next_step="write paper: true",
        )
    if live.broker_config.url is None and config.data_window("live") is None:
        document.refuse(
            ("live", "broker_config", "data_directory"),
            seen="no such key",
            expected="the directory of the data that broker sim plays back",
            next_step="add it here or under backtest.data",
        )
    sim = live.broker_config
    _check_order(document, ("live", "broker_config", "end"), sim.start, sim.end)


def _check_regime(document: Document, config: Config) -> None:
    regime, by_regime = config.regime, config.risk.limits_by_regime
    base: KeyPath = ("live", "risk", "limits_by_regime")
    if by_regime and regime.detector == "none":
        document.refuse(
            base,
            seen="limits by regime without a regime detector",
            expected="limits that can bind",
            next_step="add regime: {detector: volatility, …}, or remove these limits",
        )
    elif by_regime:
        for label in by_regime:
            if label not in regime.labels:
                _refuse_stranger(document, (*base, label), label, regime.labels)
    if regime.symbol is not None and regime.symbol not in config.symbols:
        _refuse_stranger(document, ("regime", "symbol"), regime.symbol, config.symbols)
    if regime.detector == "volatility":
        _check_thresholds(document, config)


def _check_thresholds(document: Document, config: Config) -> None:
    regime, wanted = config.regime, len(config.regime.labels) - 1
    if wanted == 0:
        document.refuse(
            ("regime", "labels"),
            seen="one label",
            expected="at least two labels",
            next_step="add a label, or use detector: none",
        )
    elif not regime.thresholds and regime.train is None:
        document.refuse(
            ("regime", "train"),
            seen="neither train nor thresholds",
            expected="days to learn the thresholds from",
            next_step="add train: {start: 2000-03-01, end: 2007-12-31}",
        )
    elif regime.thresholds and (
        len(regime.thresholds) != wanted
        or regime.thresholds[0] <= 0
        or list(regime.thresholds) != sorted(set(regime.thresholds))
    ):
        document.refuse(
            ("regime", "thresholds"),
            seen=f"{len(regime.thresholds)} thresholds for {wanted + 1} labels",
            expected=f"{wanted} rising numbers above 0",
            next_step="give one fewer than labels, the smallest first",
        )


def _check_currency(document: Document, config: Config) -> None:
    for name, terms in config.instruments.items():
        if terms.currency not in (None, config.account.currency):
            document.refuse(
                ("instruments", name, "currency"),
                seen=str(terms.currency),
                expected=f"{config.account.currency}, the currency of the account",
                next_step="not supported yet: currencies are not converted",
            )


def _refuse_stranger(document: Document, path: KeyPath, name: str, known: tuple[str, ...]) -> None:
    close = nearest(name, known)
    document.refuse(
        path,
        seen=shown(name),
        expected=f"one of {', '.join(known[:12])}",
        next_step=f"did you mean {close}?" if close else "correct or remove it",
    )
