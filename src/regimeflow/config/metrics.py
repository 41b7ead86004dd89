"""`metrics`: the live performance and drift files."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator

from regimeflow.config.scalars import FilePath, Flag, as_tuple, distinct
from regimeflow.config.section import Section, key


class LiveMetricsSection(Section):
    """`metrics.live`: performance against the backtest, while trading."""

    enable: Flag = key("Whether performance files are written while trading.", default=True)
    baseline_report: FilePath | None = key(
        "report.json of the backtest to compare with, from the working directory.", default=None
    )
    output_dir: FilePath | None = key(
        "Directory of the performance files, from the working directory. Left out: live.log_dir.",
        default=None,
    )
    sinks: Annotated[
        tuple[Literal["file"], ...], BeforeValidator(as_tuple), AfterValidator(distinct)
    ] = key("Where measurements go.", default=("file",))


class MetricsSection(Section):
    """Measurements of a live run."""

    live: LiveMetricsSection = key("Live performance files.", default=LiveMetricsSection())
