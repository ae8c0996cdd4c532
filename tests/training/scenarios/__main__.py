"""Run all scenarios, or those named as arguments; print name, problem and CPU seconds as JSON."""

import json
import os
import random
import sys
import time
import traceback
import warnings

from . import (
    around,
    bucketed,
    classic,
    endless,
    epochs,
    evaluation,
    failures,
    partial,
    processes,
    resume,
    sampled,
    speed,
    written,
)
from .watch import SCENARIOS, NotApplicableError

assert all(
    (
        around,
        bucketed,
        classic,
        endless,
        epochs,
        evaluation,
        failures,
        partial,
        processes,
        resume,
        sampled,
        speed,
        written,
    )
)


def main() -> None:
    for name, scenario in SCENARIOS.items():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        random.seed(0)
        problem = None
        start = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                scenario()
        except NotApplicableError as reason:
            problem = f"skip: {reason}"
        except Exception:
            problem = traceback.format_exc()
        print(json.dumps([name, problem, round(time.process_time() - start, 2)]), flush=True)
    os._exit(0)  # A normal exit would wait for a thread that hangs.


if __name__ == "__main__":
    main()
