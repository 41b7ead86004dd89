"""Least squares of one series on another over a moving window, at constant cost per pair.

Sums are of differences from an origin inside the window, so that nothing cancels, and are
computed afresh, exactly, each time the window has moved by its own length.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

# A residual variance below this fraction of the variance explained is rounding noise.
NOISE_FRACTION = 1e-12


@dataclass(slots=True)
class RollingRegression:
    """`y` on `x` over the last `length` pairs; the slope and how far the last pair is off."""

    length: int
    xs: list[float] = field(default_factory=list)
    ys: list[float] = field(default_factory=list)
    index: int = 0
    x_origin: float = 0.0
    y_origin: float = 0.0
    sums: list[float] = field(default_factory=lambda: [0.0] * 5)

    def add(self, x: float, y: float) -> None:
        """Take in a pair; the oldest leaves once the window is full."""
        if len(self.xs) < self.length:
            self.xs.append(x)
            self.ys.append(y)
            if len(self.xs) == self.length:
                self._recompute()
            return
        index = self.index
        self._accumulate(self.xs[index], self.ys[index], -1.0)
        self._accumulate(x, y, 1.0)
        self.xs[index], self.ys[index] = x, y
        self.index = (index + 1) % self.length
        if self.index == 0:
            self._recompute()

    def shift(self, *, x_by: float = 0.0, y_by: float = 0.0) -> None:
        """Add a constant to all that is kept (a split, in logarithms)."""
        self.xs[:] = [x + x_by for x in self.xs]
        self.ys[:] = [y + y_by for y in self.ys]
        if len(self.xs) == self.length:
            self._recompute()

    def slope_and_z(self) -> tuple[float, float] | None:
        """The slope, and the newest residual in standard deviations of the residuals.

        None before the window is full, and when either series is constant or the fit is exact.
        Standard deviations are those of the window (divided by its length).
        Source: ordinary least squares; slope = cov(x, y) / var(x), and
        var(residual) = var(y) - cov(x, y)^2 / var(x).
        """
        if len(self.xs) < self.length:
            return None
        count = float(self.length)
        sum_x, sum_y, sum_xx, sum_xy, sum_yy = self.sums
        var_x = sum_xx - sum_x * sum_x / count
        var_y = sum_yy - sum_y * sum_y / count
        if var_x <= NOISE_FRACTION * sum_xx or var_y <= NOISE_FRACTION * sum_yy:
            return None
        covariance = sum_xy - sum_x * sum_y / count
        slope = covariance / var_x
        var_residual = var_y - slope * covariance
        if var_residual <= NOISE_FRACTION * var_y:
            return None
        newest = self.index - 1
        x = self.xs[newest] - self.x_origin - sum_x / count
        y = self.ys[newest] - self.y_origin - sum_y / count
        return slope, (y - slope * x) / math.sqrt(var_residual / count)

    def _accumulate(self, x: float, y: float, sign: float) -> None:
        x -= self.x_origin
        y -= self.y_origin
        sums = self.sums
        sums[0] += sign * x
        sums[1] += sign * y
        sums[2] += sign * x * x
        sums[3] += sign * x * y
        sums[4] += sign * y * y

    def _recompute(self) -> None:
        self.x_origin = x_origin = math.fsum(self.xs) / self.length
        self.y_origin = y_origin = math.fsum(self.ys) / self.length
        xs = [x - x_origin for x in self.xs]
        ys = [y - y_origin for y in self.ys]
        self.sums = [
            math.fsum(xs),
            math.fsum(ys),
            math.fsum([x * x for x in xs]),
            math.fsum([x * y for x, y in zip(xs, ys, strict=True)]),
            math.fsum([y * y for y in ys]),
        ]
