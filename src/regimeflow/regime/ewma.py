"""Exponentially weighted variance of log returns, without a seed value.

Training and detection share this class, so a threshold and what is compared with it are computed
by the same operations in the same order.
"""

from __future__ import annotations

import math


class EwmaVariance:
    """Mean of squared log returns, the newest weighing most.

    v_t = sum(w_i * r_i^2) / sum(w_i) with w_i = decay^(t-i): RiskMetrics' estimator, divided by
    the weights seen so far, so that no first value has to be made up. The mean return is taken
    as zero.
    Source: J.P. Morgan/Reuters, RiskMetrics Technical Document, 4th edition (1996), section 5.2.
    """

    __slots__ = ("decay", "last_close", "total_square", "total_weight")

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.last_close = 0.0
        self.total_square = 0.0
        self.total_weight = 0.0

    def update(self, close: float) -> float:
        """The variance per bar after `close`; 0 before the second close.

        A close that is not above zero has no logarithm: it is passed over.
        """
        last_close = self.last_close
        if close > 0.0:
            if last_close > 0.0:
                log_return = math.log(close / last_close)
                decay = self.decay
                self.total_square = decay * self.total_square + log_return * log_return
                self.total_weight = decay * self.total_weight + 1.0
            self.last_close = close
        return self.total_square / self.total_weight if self.total_weight > 0.0 else 0.0

    def on_split(self, ratio: float) -> None:
        """Bring the last close to the share's new size: a split is not a return."""
        self.last_close /= ratio
