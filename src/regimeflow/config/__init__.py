"""Strict configuration: YAML or a mapping in, one immutable `Config` out, or every problem named.

Nothing is guessed, ignored or coerced: unknown keys, duplicate keys, wrong types, non-finite
numbers and keys whose behaviour is not built are errors with their line and the next step.
"""

from __future__ import annotations

from regimeflow.config.credentials import is_loopback, merge_broker_environment
from regimeflow.config.environment import Environment, load_environment
from regimeflow.config.export import config_hash, config_values
from regimeflow.config.instruments import InstrumentTerms
from regimeflow.config.load import inspect_config, load_config
from regimeflow.config.problems import Problem
from regimeflow.config.reference import config_reference
from regimeflow.config.review import limit_warnings
from regimeflow.config.root import Config, DataWindow
from regimeflow.config.schema import config_schema
from regimeflow.config.secret import Secret
from regimeflow.config.starter import starter_config

__all__ = [
    "Config",
    "DataWindow",
    "Environment",
    "InstrumentTerms",
    "Problem",
    "Secret",
    "config_hash",
    "config_reference",
    "config_schema",
    "config_values",
    "inspect_config",
    "is_loopback",
    "limit_warnings",
    "load_config",
    "load_environment",
    "merge_broker_environment",
    "starter_config",
]
