"""The measurements behind every speed claim: `python -m benchmarks`, or `make bench`.

Each figure stands beside a floor taken in the same run on the same machine, since absolute times
mean little on a shared one. Nothing here is a test: a busy machine must not fail a build.
"""
