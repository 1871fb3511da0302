"""Functions of the step and their inverses, in stages."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import narwhals as nw

from genspark.columns.expressions import expm1, log1p

Stage = Callable[[nw.Expr, nw.Expr, float], nw.Expr]
"""(x, what the stage before gave, lambda) -> what this one gives. The first is given x twice.

What is used more than once is a stage: Spark copies an expression to wherever it is used, and compiles each copy.
"""


@dataclass(frozen=True)
class Function:
    """A function and its inverse, on x >= edge or x > edge; without an edge, on every number."""

    forward: tuple[Stage, ...]
    backward: tuple[Stage, ...]
    edge: float | None = None
    takes_edge: bool = False

    def rejects(self, x: nw.Expr) -> nw.Expr:
        """Whether a number lies outside the domain; null where it is missing."""
        return x < self.edge if self.takes_edge else x <= self.edge


def _near_cube_root(x: nw.Expr, *_: object) -> nw.Expr:
    return (x.abs().log() / 3.0).exp()


def _cube_root(x: nw.Expr, near: nw.Expr, _: float) -> nw.Expr:
    size = x.abs()
    # One step of Newton's: the logarithm of a large number has lost digits that its root has.
    root = near - (near - size / (near * near)) / 3.0
    return nw.when((size == 0.0) | (size == math.inf)).then(x).otherwise(root * _sign(x))


def _box_cox(x: nw.Expr, z: nw.Expr, power: float) -> nw.Expr:
    """Box-Cox of x, from z = lambda * log(x)."""
    return x - 1.0 if power == 1.0 else _kept_infinite(x, _less_one(z, power))


def _box_cox_inverse(y: nw.Expr, logarithm: nw.Expr, power: float) -> nw.Expr:
    """The inverse of Box-Cox, from log(1 + lambda * y) / lambda."""
    if not power:
        return logarithm.exp()
    z = y * power
    inside = nw.when(z > -1.0).then(y + 1.0 if power == 1.0 else logarithm.exp())
    return _kept_infinite(y, inside.when(z == -1.0).then(nw.lit(0.0 if power > 0.0 else math.inf)))


def _yeo_johnson(x: nw.Expr, z: nw.Expr, power: float) -> nw.Expr:
    """Yeo-Johnson of x, from z = power * log(1 + |x|) of the side of x."""
    if power == 1.0:
        return x
    below, above = -_less_one(z, 2.0 - power), _less_one(z, power)
    return _kept_infinite(x, nw.when(x < 0.0).then(below).otherwise(above))


def _yeo_johnson_logarithm(y: nw.Expr, z: nw.Expr, power: float) -> nw.Expr:
    """log(1 + z) / power of the side of y, of z = power * |y|."""
    below, above = (log1p(z) / side if side else z for side in (2.0 - power, power))
    return nw.when(y < 0.0).then(below).otherwise(above)


def _yeo_johnson_inverse(y: nw.Expr, logarithm: nw.Expr, power: float) -> nw.Expr:
    if power == 1.0:
        return y
    z, sign = y.abs() * _side(y, power), _sign(y)
    inside = nw.when(z > -1.0).then(expm1(logarithm) * sign)
    return _kept_infinite(y, inside.when(z == -1.0).then(sign * math.inf))


def _less_one(z: nw.Expr, power: float) -> nw.Expr:
    """(exp(z) - 1) / power; z itself where power is 0."""
    return expm1(z) / power if power else z


def _side(x: nw.Expr, power: float) -> nw.Expr:
    """The power of the side of zero that x is on; 1 for 0."""
    return nw.when(x < 0.0).then(nw.lit(2.0 - power or 1.0)).otherwise(nw.lit(power or 1.0))


def _sign(x: nw.Expr) -> nw.Expr:
    return nw.when(x < 0.0).then(nw.lit(-1.0)).otherwise(nw.lit(1.0))


def _kept_infinite(x: nw.Expr, result: nw.Expr) -> nw.Expr:
    # A negative power would take infinity to a number, and nothing would tell which was which.
    return nw.when(x.abs() == math.inf).then(x).otherwise(result)


FUNCTIONS: Mapping[str, Function] = {
    "log": Function((lambda x, *_: x.log(),), (lambda y, *_: y.exp(),), edge=0.0),
    "log1p": Function((lambda x, *_: log1p(x),), (lambda y, *_: expm1(y),), edge=-1.0),
    "sqrt": Function((lambda x, *_: x.sqrt(),), (lambda y, *_: y * y,), edge=0.0, takes_edge=True),
    "cbrt": Function((_near_cube_root, _cube_root), (lambda y, *_: y * y * y,)),
    "box-cox": Function(
        (lambda x, _, power: x.log() * (power or 1.0), _box_cox),
        (lambda y, _, power: log1p(y * power) / power if power else y, _box_cox_inverse),
        edge=0.0,
    ),
    "yeo-johnson": Function(
        (lambda x, *_: log1p(x.abs()), lambda x, y, power: y * _side(x, power), _yeo_johnson),
        (lambda y, _, power: y.abs() * _side(y, power), _yeo_johnson_logarithm, _yeo_johnson_inverse),
    ),
}
