"""Install the project with what its tests need, for one backend of Keras.

python .ci/install_test.py newest|minimum tensorflow|jax|torch [--print]

With `minimum`, the dependencies have the lowest versions that pyproject.toml permits.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[1]
BACKENDS = ("tensorflow", "jax", "torch")


def name_of(requirement: str) -> str:
    """Return the name of a distribution: `moto[s3]>=5` is moto."""
    return re.split(r"[\[<>=!~ ]", requirement)[0]


def requirements(which: str, backend: str) -> list[str]:
    """Return the requirements to install besides the project."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    # The extra `test` has all backends, and one of them in a fixed version.
    tools = [one for one in extras["test"] if name_of(one) not in BACKENDS]
    own = [*project["dependencies"], *extras[backend]]
    if which == "minimum":
        own = [re.sub(r">=([^,]+).*", r"==\1", one) for one in own]
    return tools + own


def main(which: str, backend: str, *options: str) -> None:
    """Install, or print what would be installed."""
    if which not in ("newest", "minimum") or backend not in BACKENDS:
        sys.exit(__doc__)
    wanted = requirements(which, backend)
    if "--print" in options:
        print(*wanted, sep="\n")
        return
    command = [sys.executable, "-m", "pip", "install", "-e", str(PROJECT), *wanted]
    sys.exit(subprocess.call(command))


if __name__ == "__main__":
    main(*sys.argv[1:])
