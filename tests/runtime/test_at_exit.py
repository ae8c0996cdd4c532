"""What is registered for the end of a program is done, also if Ctrl-C is pressed again."""

import signal
import subprocess
import sys
import textwrap

import pytest

PRESS = "os.kill(os.getpid(), signal.SIGINT)"


def run(code: str) -> subprocess.CompletedProcess[str]:
    start = (
        "import atexit, os, signal, threading\nfrom augseq.runtime.at_exit import Turn, at_exit\n"
    )
    code = start + textwrap.dedent(code)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
@pytest.mark.parametrize("ending", ["", PRESS, "raise SystemExit(3)", "raise ValueError"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_cleanup_is_not_interrupted_by_ctrl_c(ending: str, times: int) -> None:
    done = run(
        f"""
        @at_exit(Turn.THREADS)
        def clean_up():
            for _ in range({times}):
                {PRESS}
                threading.Event().wait(0.01)
            print("clean")

        {ending}
        """
    )
    codes = {"": 0, PRESS: -signal.SIGINT, "raise SystemExit(3)": 3, "raise ValueError": 1}
    assert (done.returncode, done.stdout) == (codes[ending], "clean\n"), done.stderr
    assert done.stderr.count("Traceback") == (ending in (PRESS, "raise ValueError"))


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_the_programs_own_exit_functions_still_receive_ctrl_c() -> None:
    done = run(
        """
        handler = signal.getsignal(signal.SIGINT)
        atexit.register(lambda: print(signal.getsignal(signal.SIGINT) is handler))
        at_exit(Turn.THREADS)(lambda: print(signal.getsignal(signal.SIGINT) is handler))
        atexit.register(lambda: print(signal.getsignal(signal.SIGINT) is handler))
        """
    )
    assert (done.stdout, done.stderr) == ("True\nTrue\nFalse\n", "")


def test_cleanups_run_in_order_and_continue_after_an_error() -> None:
    done = run(
        """
        at_exit(Turn.FOLDERS)(lambda: print("third"))
        at_exit(Turn.ITERATORS)(lambda: print("first"))
        at_exit(Turn.THREADS)(lambda: 1 / 0)
        at_exit(Turn.PROCESSES)(lambda: print("second"))
        """
    )
    assert done.stdout == "first\nsecond\nthird\n"
    assert "ZeroDivisionError" in done.stderr
