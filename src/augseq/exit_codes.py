"""How a process ended, in words."""

import signal


def ending(exit_code: int | None) -> str:
    """Say how a process ended, as what follows "it"."""
    if exit_code is None or exit_code >= 0:
        return f"ended with exit code {exit_code}"
    try:
        return f"was ended by {signal.Signals(-exit_code).name}"
    # Those for programs' own use have no name.
    except ValueError:
        return f"was ended by signal {-exit_code}"
