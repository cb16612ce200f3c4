"""Where a continuous function crosses zero."""

from collections.abc import Callable


def root(
    function: Callable[[float], float], low: float, high: float, *, tolerance: float
) -> float:
    """Find a crossing of zero within a bracket.

    Interpolates where the function is smooth enough and halves the bracket elsewhere.

    Args:
        function: Continuous, of opposite signs at the ends.
        low: One end of the bracket.
        high: The other end.
        tolerance: Width at which the bracket is narrow enough, above 0.

    Returns:
        The crossing; where the signs are equal, the end nearer to zero.

    Reference:
        T. R. Chandrupatla (1997), "A new hybrid quadratic/bisection algorithm for
        finding the zero of a nonlinear function without using derivatives", Advances in
        Engineering Software 28.

    Example:
        >>> round(root(lambda x: x * x - 2.0, 0.0, 2.0, tolerance=1e-12), 9)
        1.414213562
    """
    a, b = high, low
    at_a, at_b = function(a), function(b)
    if (at_a > 0.0) == (at_b > 0.0):
        return a if abs(at_a) < abs(at_b) else b
    share = 0.5
    for _ in range(200):
        middle = a + share * (b - a)
        at_middle = function(middle)
        if (at_middle > 0.0) == (at_a > 0.0):
            c, at_c = a, at_a
        else:
            c, at_c, b, at_b = b, at_b, a, at_a
        a, at_a = middle, at_middle
        best = a if abs(at_a) < abs(at_b) else b
        if at_a == 0.0 or abs(b - a) <= tolerance:
            return best
        share = _share(a, b, c, (at_a, at_b, at_c))
        edge = min(0.5, 0.5 * tolerance / abs(b - a))
        share = min(1.0 - edge, max(edge, share))
    return best


def _share(a: float, b: float, c: float, at: tuple[float, float, float]) -> float:
    """How far to go from a to b: inverse quadratic where it can be trusted."""
    at_a, at_b, at_c = at
    place = (a - b) / (c - b)
    height = (at_a - at_b) / (at_c - at_b)
    if not (height**2 < place and (1.0 - height) ** 2 < 1.0 - place):
        return 0.5
    own = at_a / (at_b - at_a) * at_c / (at_b - at_c)
    other = (c - a) / (b - a) * at_a / (at_c - at_a) * at_b / (at_c - at_b)
    return own + other
