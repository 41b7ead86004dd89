"""`.env`, mounted secrets and `${NAME}`: what fills a value, in which order, what never."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from regimeflow.config import load_config, load_environment, merge_broker_environment
from regimeflow.config.secret import Secret
from regimeflow.errors import ConfigError

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX file modes")


def mount(path: Path, text: str, mode: int = 0o600) -> str:
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_dotenv_fills_but_never_overrides(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("export A=file\nB='two words'  # note\n\n# C=no\nD=${A}\n")
    environment = load_environment(tmp_path, {"A": "set"})
    assert dict(environment) == {"A": "set", "B": "two words", "D": "${A}"}


def test_process_environment_is_not_changed(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("REGIMEFLOW_TEST_ONLY=1\n")
    before = dict(os.environ)
    load_config({"strategy": {"name": "b", "symbols": ["A"]}}, cwd=tmp_path)
    assert dict(os.environ) == before


def test_environment_shows_no_values(tmp_path: Path) -> None:
    assert "canary" not in repr(load_environment(tmp_path, {"A": "canary"}))


@pytest.mark.parametrize("line", ["NOT A PAIR", "LONELY", "=x"])
def test_malformed_dotenv_line_is_named_without_its_content(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(f"A=1\n{line}\n")
    with pytest.raises(ConfigError) as caught:
        load_environment(tmp_path, {})
    assert ".env:2: seen another form; expected NAME=value" in str(caught.value)
    assert line not in str(caught.value)


def test_binary_dotenv_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00A")
    with pytest.raises(ConfigError, match="expected UTF-8 text"):
        load_environment(tmp_path, {})


def test_mounted_secret_is_read(tmp_path: Path) -> None:
    path = mount(tmp_path / "key", "canary\n")
    environment = load_environment(tmp_path, {"ALPACA_API_KEY_FILE": path})
    assert environment["ALPACA_API_KEY"] == "canary"
    assert "ALPACA_API_KEY" in environment


def test_mounted_secret_wins_over_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ALPACA_API_KEY=from-dotenv\n")
    path = mount(tmp_path / "key", "mounted")
    environment = load_environment(tmp_path, {"ALPACA_API_KEY_FILE": path})
    assert environment["ALPACA_API_KEY"] == "mounted"


def test_variable_and_mounted_secret_together_are_refused(tmp_path: Path) -> None:
    environment = load_environment(tmp_path, {"IB_HOST": "a", "IB_HOST_FILE": "b"})
    with pytest.raises(ConfigError, match="IB_HOST and IB_HOST_FILE; expected one of the two"):
        environment["IB_HOST"]


def test_other_file_variables_are_not_mounted_secrets(tmp_path: Path) -> None:
    environment = load_environment(tmp_path, {"SSL_CERT_FILE": "/nowhere"})
    assert set(environment) == {"SSL_CERT_FILE"}


@posix_only
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_mounted_secret_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = mount(tmp_path / "key", "canary", mode)
    environment = load_environment(tmp_path, {"ALPACA_API_KEY_FILE": path})
    with pytest.raises(ConfigError) as caught:
        environment["ALPACA_API_KEY"]
    assert f"mode {mode:04o}; expected mode 0600" in str(caught.value)
    assert "chmod 600" in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "\n", "two\nlines\n", "bell\x07"])
def test_mounted_secret_must_be_one_line(tmp_path: Path, text: str) -> None:
    environment = load_environment(tmp_path, {"IB_HOST_FILE": mount(tmp_path / "key", text)})
    with pytest.raises(ConfigError, match="expected one line of text"):
        environment["IB_HOST"]


def test_missing_mounted_secret_is_refused(tmp_path: Path) -> None:
    environment = load_environment(tmp_path, {"IB_HOST_FILE": "nowhere"})
    with pytest.raises(ConfigError, match=r"IB_HOST_FILE: seen .*nowhere: No such file"):
        environment["IB_HOST"]


def test_whole_value_interpolation_fills_every_type(tmp_path: Path) -> None:
    environ = {"MAX": "2500.50", "ORDERS": "7", "SHORT": "true", "DAY": "2001-02-03", "S": "AAPL"}
    config = load_config(
        {
            "strategy": {"name": "b", "symbols": ["${S}"]},
            "live": {
                "broker": "sim",
                "symbols": ["${S}"],
                "broker_config": {"data_directory": "d", "start": "${DAY}"},
                "max_order_value": "${MAX}",
                "max_open_orders": "${ORDERS}",
                "allow_short": "${SHORT}",
            },
        },
        environ=environ,
        cwd=tmp_path,
    )
    limits = config.risk.limits
    assert (str(limits.max_order_value), limits.max_open_orders) == ("2500.5", 7)
    assert limits.allow_short is True
    assert config.symbols == ("AAPL",)


@pytest.mark.parametrize("text", ["x${NAME}", "${NAME}x", "${${NAME}}", "$NAME", "${NAME:-d}"])
def test_partial_and_nested_interpolation_stays_literal(tmp_path: Path, text: str) -> None:
    strategy = {"name": "b", "symbols": ["A"], "params": {"text": text, "whole": "${NAME}"}}
    config = load_config({"strategy": strategy}, environ={"NAME": "${OTHER}"}, cwd=tmp_path)
    assert config.strategies[0].params == {"text": text, "whole": "${OTHER}"}


def test_unset_variable_is_refused(tmp_path: Path) -> None:
    mapping = {"strategy": {"name": "b", "symbols": ["A"]}, "account": {"currency": "${NOPE}"}}
    with pytest.raises(ConfigError) as caught:
        load_config(mapping, environ={}, cwd=tmp_path)
    assert str(caught.value) == (
        "configuration: account.currency: seen ${NOPE}, which is not set; expected a variable "
        "that is set; set NOPE in the environment or in .env"
    )


def test_bad_value_from_the_environment_shows_only_its_name(tmp_path: Path) -> None:
    mapping = {"strategy": {"name": "b", "symbols": ["A"]}, "account": {"currency": "${CUR}"}}
    with pytest.raises(ConfigError) as caught:
        load_config(mapping, environ={"CUR": "canary"}, cwd=tmp_path)
    assert "seen the value of ${CUR}; expected a currency code" in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("broker", ["alpaca", "binance", "ib"])
def test_written_key_wins_over_its_variable(broker: str) -> None:
    names = {"alpaca": "ALPACA_PAPER_BASE_URL", "binance": "BINANCE_BASE_URL", "ib": "IB_HOST"}
    key = "host" if broker == "ib" else "base_url"
    environ = {names[broker]: "from-environment"}
    assert merge_broker_environment(broker, {}, environ)[key] == "from-environment"
    assert merge_broker_environment(broker, {key: "written"}, environ)[key] == "written"


def test_every_documented_variable_fills_its_key() -> None:
    alpaca = {
        "ALPACA_API_KEY": "k",
        "ALPACA_API_SECRET": "s",
        "ALPACA_PAPER_BASE_URL": "b",
        "ALPACA_STREAM_URL": "w",
        "ALPACA_DATA_BASE_URL": "d",
        "ALPACA_TRADING_STREAM_URL": "t",
    }
    assert merge_broker_environment("alpaca", {}, alpaca) == {
        "api_key": Secret("k"),
        "secret_key": Secret("s"),
        "base_url": "b",
        "stream_url": "w",
        "data_url": "d",
        "trading_stream_url": "t",
    }
    binance = {"BINANCE_API_KEY": "k", "BINANCE_SECRET_KEY": "s", "BINANCE_RECV_WINDOW_MS": "5000"}
    assert merge_broker_environment("binance", {}, binance) == {
        "api_key": Secret("k"),
        "secret_key": Secret("s"),
        "recv_window_ms": 5000,
    }
    ib = {"IB_HOST": "h", "IB_PORT": "4002", "IB_CLIENT_ID": "1"}
    assert merge_broker_environment("ib", {}, ib) == {"host": "h", "port": 4002, "client_id": 1}
    assert merge_broker_environment("sim", {}, alpaca) == {}


def test_variable_that_is_not_a_number_is_refused_without_its_value() -> None:
    with pytest.raises(ConfigError) as caught:
        merge_broker_environment("ib", {}, {"IB_PORT": "canary"})
    assert "IB_PORT: seen other text; expected a whole number" in str(caught.value)
    assert "canary" not in str(caught.value)
