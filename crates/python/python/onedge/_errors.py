"""The exceptions of onedge. Each says what was expected, what it got, and what to do."""


class Error(Exception):
    """What onedge raises is one of these."""


class ArgumentError(Error, ValueError):
    """A value that does not fit."""


class UnsupportedError(Error, NotImplementedError):
    """What onedge cannot do, with the line of the loss that asks for it."""


class NonFiniteError(Error, ArithmeticError):
    """A loss, gradient or curvature that is NaN or infinite."""


class StateError(Error, RuntimeError):
    """A call in the wrong order, such as a curvature before any point."""


class FileError(Error, OSError):
    """A file or folder that cannot be read or written."""


class InternalError(Error, RuntimeError):
    """A fault of onedge."""


class TrainingWarning(UserWarning):
    """How training went, or will go, where it is hardly what was meant."""


class StopTraining(Exception):
    """Raised by a callback to end training after its step; what was trained so far is the result."""
