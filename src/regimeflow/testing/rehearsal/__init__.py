"""Rehearsals: the user's own strategy and configuration against a hostile world, and a verdict."""
