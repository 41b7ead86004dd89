"""Whoever reads the console may leave; the engine trades on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.programs import CONFIG, EXAMPLE_DATA, LIVE, TIMEOUT_S


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_reader_that_leaves_does_not_end_the_run(tmp_path: Path) -> None:
    text = CONFIG.format(strategy="moving_average_cross", data=EXAMPLE_DATA.as_posix())
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "-c", LIVE, "--config", "c.yaml"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(TIMEOUT_S) == 0
    status = json.loads((tmp_path / "logs" / "status.json").read_text(encoding="utf-8"))
    assert "end of data" in json.dumps(status)
