"""Print the next command at the end of a command."""

import shlex


def print_next(task: str, *words: object) -> None:
    """Print what can be done next, and the command for it.

    Args:
        task: Such as "To train on these images".
        *words: Arguments of `augseq`.
    """
    print(f"\n{task}:\n  {shlex.join(['augseq', *map(str, words)])}")
