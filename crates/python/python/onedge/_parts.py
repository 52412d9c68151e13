"""Into how many parts a batch is cut."""

from __future__ import annotations

import math

from ._builder import Builder

# A part's values should stay in a core's share of the cache.
CACHE_BYTES = 24 << 20
# Rows over which the fixed price of a matrix product is paid off.
PRODUCT_ROWS = 512


def choose(builder: Builder, examples: int, threads: int, itemsize: int) -> int:
    """The number of equal parts of a batch of `examples`, given the graph of the loss on all of them."""
    bytes_of_one = 2.0 * itemsize * builder.volume() / examples
    rows = max(builder.product_rows() / examples, 1e-9)
    least = min(max(math.ceil(PRODUCT_ROWS / rows), 1), 16)
    target = max(CACHE_BYTES / max(bytes_of_one, 1.0), least)
    best, parts = None, 1
    for count in range(1, examples + 1):
        if examples % count:
            continue
        size = examples // count
        # Threads that wait for the last part, and parts of another size than the best one. The threads of a whole share its steps; parts have a price of
        # their own, which is paid when they are tried and planned.
        idle = 1.0 if count == 1 else 1.15 * math.ceil(count / threads) * threads / count
        size_price = (target / size) ** 0.3 if size < target else (size / target) ** 0.15
        # Parts that are too small to run at full speed are not worth the threads.
        price = idle * size_price if size >= least or count == 1 else math.inf
        if best is None or price < best:
            best, parts = price, count
    return parts
