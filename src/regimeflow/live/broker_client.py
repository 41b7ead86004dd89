"""Which client a configuration asks for: the one place that knows all adapters."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

from regimeflow.brokers.protocol import BrokerClient, ReconnectPolicy
from regimeflow.config import Config


def make_client(config: Config) -> BrokerClient:
    """A client for `live.broker` at `live.broker_config.url`; not connected yet."""
    # Only a run behind a link pays for loading an HTTP library.
    from regimeflow.brokers.sim.client import SimBrokerClient

    live = config.live
    assert live is not None
    assert live.broker_config.url is not None
    reconnect = live.reconnect
    return SimBrokerClient(
        url=live.broker_config.url,
        account=live.account_id,
        client_name=_engine_name(live.log_dir),
        symbols=config.symbols,
        request_timeout_s=live.broker_config.request_timeout_ms / 1_000,
        heartbeat_timeout_s=live.heartbeat.interval_ms / 1_000,
        rng=random.Random(config.backtest.execution.seed),
        reconnect=ReconnectPolicy(
            reconnect.initial_ms,
            reconnect.max_ms,
            reconnect.max_attempts,
            reconnect.enabled,
        ),
    )


def _engine_name(log_dir: Path) -> str:
    """The same for every start on this journal, another one for another journal.

    A venue lets an engine take over its own old connection and refuses a stranger's.
    """
    return hashlib.sha256(str(log_dir).encode()).hexdigest()[:16]
