"""The command `onedge`."""

import signal
import sys


def main() -> int:
    """Does what the command line asks for, as the program does that is built with Rust alone."""
    from . import _core

    if not hasattr(_core, "program"):
        print("error: this build of onedge has no command, as it was made without the feature `program`", file=sys.stderr)
        return 1
    # The program listens for signals itself, and where it does not, Ctrl-C ends it.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _core.program(["onedge", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
