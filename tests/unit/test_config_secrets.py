"""Secrets stay out of files, errors, text, JSON and pickles."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from regimeflow.config import Secret, is_loopback, load_config, merge_broker_environment
from regimeflow.errors import ConfigError

CANARY = "PKCANARY1234567890"


def refusal(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> str:
    (tmp_path / "rf.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config("rf.yaml", environ=environ or {}, cwd=tmp_path)
    assert caught.value.__cause__ is None
    assert CANARY not in str(caught.value)
    return str(caught.value)


def networked(settings: str, broker: str = "alpaca") -> str:
    return (
        "strategy: {name: b}\n"
        f"live:\n  broker: {broker}\n  symbols: [A]\n  broker_config: {settings}\n"
    )


def test_secret_shows_nowhere() -> None:
    secret = Secret(CANARY)
    texts = [repr(secret), str(secret), f"{secret}", f"{secret!r:>9}", repr({"k": secret})]
    assert all(CANARY not in text and "***" in text for text in texts)
    assert secret.reveal() == CANARY
    assert secret == Secret(CANARY)
    assert secret != Secret("other")
    assert secret != CANARY


def test_secret_is_not_serialised() -> None:
    secret = Secret(CANARY)
    with pytest.raises(TypeError):
        json.dumps(secret)
    with pytest.raises(TypeError, match="never pickled"):
        copy.copy(secret)
    with pytest.raises(TypeError, match="never pickled"):
        copy.deepcopy(secret)
    with pytest.raises(TypeError):
        vars(secret)


@pytest.mark.parametrize("key", ["api_key", "secret_key"])
def test_secret_in_the_file_is_refused(tmp_path: Path, key: str) -> None:
    message = refusal(tmp_path, networked(f"{{{key}: {CANARY}}}"))
    assert f"rf.yaml:5: live.broker_config.{key}: seen a secret in the file" in message
    assert "put the new one into ALPACA_API_" in message


def test_secret_in_the_file_is_refused_for_a_look_alike_host(tmp_path: Path) -> None:
    for host in ("127.0.0.1.evil.example", "localhost.evil.example", "api.binance.com.evil"):
        message = refusal(tmp_path, networked(f"{{api_key: {CANARY}, base_url: 'https://{host}'}}"))
        assert "seen a secret in the file" in message


def test_secret_in_the_file_is_accepted_for_loopback(tmp_path: Path) -> None:
    settings = f"{{api_key: {CANARY}, base_url: 'http://127.0.0.1:8080'}}"
    message = refusal(tmp_path, networked(settings))
    assert "a secret in the file" not in message
    assert "not supported yet" in message


def test_one_loopback_address_does_not_vouch_for_the_others(tmp_path: Path) -> None:
    settings = f"{{api_key: {CANARY}, base_url: 'http://[::1]:80'}}"
    environ = {"ALPACA_STREAM_URL": "wss://stream.example"}
    assert "seen a secret in the file" in refusal(tmp_path, networked(settings), environ)
    settings = f"{{api_key: {CANARY}, stream_url: 'ws://localhost'}}"
    assert "seen a secret in the file" in refusal(tmp_path, networked(settings))


def test_secret_taken_from_the_environment_is_not_inline(tmp_path: Path) -> None:
    message = refusal(tmp_path, networked("{api_key: '${KEY}'}"), {"KEY": CANARY})
    assert "a secret in the file" not in message


@pytest.mark.parametrize(
    "reference",
    ["vault://kv/alpaca#key", "aws-sm://id#key", "gcp-sm://p/s#key", "azure-kv://v/s#key"],
)
def test_secret_references_are_refused_as_not_built(tmp_path: Path, reference: str) -> None:
    written = refusal(tmp_path, networked(f"{{api_key: '{reference}'}}"))
    assert "seen a reference to a secret manager" in written
    assert "not supported yet" in written
    with pytest.raises(ConfigError, match="ALPACA_API_KEY: seen a secret reference"):
        merge_broker_environment("alpaca", {}, {"ALPACA_API_KEY": reference})


@pytest.mark.parametrize(
    "text",
    [
        "strategy: {name: b, symbols: [A]}\napi_key: " + CANARY,
        "strategy: {name: b, symbols: [A], secret: " + CANARY + "}",
        "strategy: {name: b, symbols: [A]}\naccount: {currency: {token: " + CANARY + "}}",
        "strategy: {name: b, symbols: [A], params: {api_key: {a: " + CANARY + "}}}",
        "strategy: {name: b}\nlive: {broker: sim, symbols: [A], broker_config: {api_key: "
        + CANARY
        + "}}",
    ],
)
def test_no_error_shows_a_secret_written_in_the_wrong_place(tmp_path: Path, text: str) -> None:
    assert CANARY not in refusal(tmp_path, text + "\n")


def test_merged_secrets_never_show() -> None:
    merged = merge_broker_environment("alpaca", {"secret_key": CANARY}, {"ALPACA_API_KEY": CANARY})
    assert CANARY not in repr(merged)
    assert isinstance(merged["secret_key"], Secret)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://127.0.0.1:80", True),
        ("ws://localhost/x", True),
        ("https://[::1]:443", True),
        ("127.0.0.1", True),
        ("http://127.0.0.1@evil.example", False),
        ("http://10.0.0.1", False),
        ("https://paper-api.alpaca.markets", False),
        ("", False),
        ("http://[", False),
    ],
)
def test_loopback_is_judged_by_the_host_alone(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected
