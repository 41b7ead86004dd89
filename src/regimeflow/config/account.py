"""`account`: the currency everything is counted in, and how much of a position must be paid."""

from __future__ import annotations

from regimeflow.config.scalars import Currency, Number
from regimeflow.config.section import Section, key


class MarginSection(Section):
    """`account.margin`: what opening a position takes from buying power."""

    initial_margin_ratio: Number = key(
        "Part of a new position that equity must cover; 1 is fully paid, 0.5 is Regulation T.",
        default=1,
        unit="fraction of the position",
        gt=0,
        le=1,
    )


class AccountSection(Section):
    """The account; money of any other currency is refused."""

    currency: Currency = key("The one currency of cash, limits and reports.", default="USD")
    margin: MarginSection = key("Margin on new positions.", default=MarginSection())
