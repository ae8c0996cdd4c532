"""Run all scenarios, or those named as arguments; print one JSON line for each."""

import json
import os
import random
import sys
import traceback
import warnings

from . import classic, endless, epochs, evaluation, failures, partial, speed
from .watch import SCENARIOS

assert all((classic, endless, epochs, evaluation, failures, partial, speed))


def main() -> None:
    for name, scenario in SCENARIOS.items():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        random.seed(0)
        problem = None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                scenario()
        except Exception:
            problem = traceback.format_exc()
        print(json.dumps([name, problem]), flush=True)
    os._exit(0)  # A normal exit would wait for a thread that hangs.


if __name__ == "__main__":
    main()
