"""Where a broker's missing settings come from, and which settings may never stand in a file.

A key written in the
file wins over its variable. A secret written in the file is refused unless every address is
loopback, that is, unless the venue is a simulated one on this machine.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from regimeflow.config.broker_variables import BROKER_VARIABLES, Variable
from regimeflow.config.document import Document
from regimeflow.config.problems import FromEnvironment, KeyPath, Problem, refusal
from regimeflow.config.secret import Secret, is_secret_reference

SECRET_KEYS = frozenset({"api_key", "secret_key", "password", "passphrase", "token"})
_MAIN_ADDRESS_KEYS = ("base_url", "host", "url")
_ADDRESS_KEYS = (*_MAIN_ADDRESS_KEYS, "data_url", "stream_url", "trading_stream_url")
_BROKER_CONFIG: KeyPath = ("live", "broker_config")


def merge_broker_environment(
    broker: str, broker_config: Mapping[str, object], environment: Mapping[str, str]
) -> dict[str, object]:
    """The broker's settings with missing keys filled from its variables; secrets as `Secret`.

    Raises `ConfigError` (the user's fault) for a variable that holds a secret reference, or that
    is not a whole number where one is needed.
    """
    merged = {
        name: Secret(str(value)) if name in SECRET_KEYS and isinstance(value, str) else value
        for name, value in broker_config.items()
    }
    for variable in BROKER_VARIABLES[broker]:
        if variable.key in merged or variable.name not in environment:
            continue
        text = environment[variable.name]
        if is_secret_reference(text):
            raise _bad(variable, "a secret reference", "the value", "not supported yet")
        if variable.is_secret:
            merged[variable.key] = Secret(text)
        elif variable.is_whole:
            if not (text.isascii() and text.isdigit() and len(text) <= 10):
                raise _bad(variable, "other text", "a whole number", "correct the variable")
            merged[variable.key] = int(text)
        else:
            merged[variable.key] = text
    return merged


def _bad(variable: Variable, seen: str, expected: str, next_step: str) -> Exception:
    return refusal([Problem(variable.name, (), seen, expected, next_step)])


def is_loopback(address: str) -> bool:
    """Whether a URL or a host name certainly stays on this machine."""
    try:
        host = urlsplit(address if "://" in address else f"//{address}").hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_inline_secrets(document: Document, environment: Mapping[str, str]) -> None:
    """Refuse secrets written into `live.broker_config`, unless all its addresses are loopback."""
    broker, settings = document.at(("live", "broker")), document.at(_BROKER_CONFIG)
    if not isinstance(settings, dict) or not isinstance(broker, str):
        return
    inline = [
        name
        for name, value in settings.items()
        if name in SECRET_KEYS and value and not isinstance(value, FromEnvironment)
        if not (isinstance(value, str) and is_secret_reference(value))
    ]
    if not inline or all_loopback(broker, settings, environment):
        return
    variables = {entry.key: entry.name for entry in BROKER_VARIABLES.get(broker, ())}
    for name in inline:
        variable = variables.get(name, "a variable")
        document.refuse(
            (*_BROKER_CONFIG, name),
            seen="a secret in the file",
            expected="secrets outside of the configuration",
            next_step=f"delete it here, revoke it, and put the new one into {variable} or .env",
        )


def all_loopback(
    broker: str, settings: Mapping[str, object], environment: Mapping[str, str]
) -> bool:
    """Whether the main address is named, and it and every other address are loopback."""
    if broker not in BROKER_VARIABLES:
        return False
    merged = merge_broker_environment(broker, settings, environment)
    addresses = [str(merged[name]) for name in _ADDRESS_KEYS if name in merged]
    is_named = any(name in merged for name in _MAIN_ADDRESS_KEYS)
    return is_named and all(is_loopback(address) for address in addresses)
