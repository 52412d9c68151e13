"""Progress bars, where tqdm is installed."""

from __future__ import annotations

import sys


class Progress:
    """A bar of steps. Without tqdm, or where `shown` is false, nothing is printed; nor where no terminal or notebook looks."""

    def __init__(self, steps: int, shown: bool, name: str = ""):
        self.bar = None
        if not shown:
            return
        try:
            from tqdm.auto import tqdm
        except ImportError:
            return
        in_notebook = "ipykernel" in sys.modules
        self.bar = tqdm(total=steps, desc=name or None, unit="step", disable=False if in_notebook else None)

    def __call__(self, step: int, loss: float, rate: float, is_last: bool):
        if self.bar is None or self.bar.disable:
            return
        self.bar.set_postfix_str(f"loss {loss:.4g}, rate {rate:.3g}", refresh=False)
        self.bar.update(step - self.bar.n)
        if is_last:
            self.bar.refresh()

    @property
    def tick(self):
        """What the loop is to call now and then, if anything."""
        return None if self.bar is None else self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.bar is not None:
            self.bar.close()
