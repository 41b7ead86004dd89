"""The live shell: boot, clock, polling, observers and an orderly stop around the same engine."""
