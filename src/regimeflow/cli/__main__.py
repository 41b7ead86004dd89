"""`python -m regimeflow.cli`: the program `regimeflow` where its script is not on the path."""

from __future__ import annotations

from regimeflow.cli.main import main

if __name__ == "__main__":
    main()
