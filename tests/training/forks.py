"""Programs as forks of one process, which imports Keras once; see `run_fork` in `backends`."""

import gc
import json
import os
import sys
import warnings
from collections.abc import Callable, Sequence


def serve_forks(main: Callable[[Sequence[str]], None]) -> None:
    """Call a program in a fork of this process for each line of standard input.

    A line is JSON: the arguments, and the paths of the files for output and errors. The answers are
    the number of the process and, when it has ended, its exit code.

    Args:
        main: Called with the arguments, so that it ends as any script does.
    """
    # Each program would look through all that the imports made, and copy it, when it ends.
    gc.freeze()
    for line in sys.stdin:
        arguments, *files = json.loads(line)
        with warnings.catch_warnings():
            # JAX warns of threads whenever a process forks; it has none yet.
            warnings.simplefilter("ignore")
            process = os.fork()
        if not process:
            for number, path in enumerate(files, 1):
                os.dup2(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC), number)
            main(arguments)
            return
        print(process, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
