"""Offline work: training of regime models. Never imported by the engine."""
