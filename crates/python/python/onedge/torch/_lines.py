"""Which line of the user's made what."""

from __future__ import annotations

import functools
import os
import re
import sysconfig
import traceback

_OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_STANDARD = sysconfig.get_paths()["stdlib"]
_INSTALLED = re.compile(r"[/\\](site-packages|dist-packages)[/\\]")


def line_of(node) -> str | None:
    """The user's line that made a node, if it is known: the innermost one outside of libraries."""
    return _innermost(re.findall(r'File "([^"]+)", line (\d+)', node.meta.get("stack_trace") or ""))


def line_of_error(error) -> str | None:
    """The user's line in which an exception was raised."""
    return line_of_stack(traceback.extract_tb(error.__traceback__))


def line_of_stack(stack) -> str | None:
    """The user's innermost line of a stack of frames."""
    return _innermost([(frame.filename, frame.lineno) for frame in stack])


def _innermost(frames):
    return next((f"{name}:{line}" for name, line in reversed(frames) if is_users(name)), None)


@functools.cache
def is_users(name: str) -> bool:
    """Whether a file is the user's own, and of no library."""
    return not (name.startswith((_OWN, _STANDARD, "<")) or _INSTALLED.search(name))
