"""Programs, shells and notebooks as people have them: no home, an old locale, strict warnings."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

import augseq

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform == "win32", reason="needs the names of a POSIX system"),
]
WITHOUT_TORCH = Path(__file__).parent / "without_torch"
OLD_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
ONE_BATCH_OF_EACH = """
import augseq
images = augseq.index_folder("photos", progress=False)
for kind in ("serial", "threads", "processes"):
    batches = augseq.ImageSequence(
        images, image_size=(8, 8), batch_size=4, shuffle=True, workers=2, worker_kind=kind,
        augment=augment, cache=cache,
    )
    print(kind, [x.shape for x, _ in batches], int(sum(x.sum() for x, _ in batches)))
"""


Adverse = tuple[Path, list[bytes], bytes]


def make_photos(folder: Path) -> Path:
    """Make a folder `photos` whose classes and files have names beyond ASCII."""
    for name in ("kätzchen", "日本"):
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(4):
            pixels = np.full((20, 30, 3), 40 * number, np.uint8)
            Image.fromarray(pixels).save(folder / "photos" / name / f"ö{number}.jpg")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with `photos`."""
    return make_photos(tmp_path)


def run(
    folder: Path, *command: str, given: str = "", **variables: str
) -> subprocess.CompletedProcess[bytes]:
    """Run a command in a folder, without torch and with a small backend of Keras."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(WITHOUT_TORCH), *sys.path]),
            "KERAS_BACKEND": "numpy",
            "MPLBACKEND": "agg",
            **variables,
        },
        input=given.encode(),
        capture_output=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done


def stream_of(output: bytes) -> set[str]:
    """Return what each kind of workers gave; a single one if all gave the same."""
    lines = output.decode().splitlines()
    assert [line.split()[0] for line in lines] == ["serial", "threads", "processes"]
    return {line.split(" ", 1)[1] for line in lines}


def in_python(code: str, *options: str) -> tuple[str, ...]:
    return (sys.executable, *options, "-c", textwrap.dedent(code))


ADVERSE = f"""
import gc, warnings
import augseq
augment = augseq.preset("standard")
for cache in ("pixels", "memory"):
{textwrap.indent(ONE_BATCH_OF_EACH, "    ")}
print("manifest", images.fingerprint(), ascii(images[5].path))
with warnings.catch_warnings():
    # No font has all of the names.
    warnings.simplefilter("ignore")
    batches.show().savefig("shown.png")
del batches; gc.collect()
"""


# One program for all of these, since each takes seconds to import Keras and albumentations.
@pytest.fixture(scope="module")
def adverse(tmp_path_factory: pytest.TempPathFactory) -> Adverse:
    """Where a program ran with an old locale and no home, its output, and its errors."""
    folder = make_photos(tmp_path_factory.mktemp("adverse"))
    # Not a folder without permissions, which do not bind an administrator.
    home = {"HOME": "/proc/nowhere", "XDG_CACHE_HOME": "", "XDG_CONFIG_HOME": ""}
    done = run(folder, *in_python(ADVERSE, "-W", "error"), **OLD_LOCALE, **home)
    return folder, done.stdout.splitlines(), done.stderr


def test_an_old_locale_gives_the_same_manifest_and_pixels(adverse: Adverse) -> None:
    folder, (*kinds, manifest), _ = adverse
    images = augseq.index_folder(folder / "photos", progress=False)
    assert manifest.decode() == f"manifest {images.fingerprint()} {images[5].path!a}"
    assert images.class_names == ("kätzchen", "日本")
    batches = augseq.ImageSequence(
        images,
        image_size=(8, 8),
        batch_size=4,
        shuffle=True,
        augment=augseq.preset("standard"),
    )
    total = sum(int(x.sum()) for x, _ in batches)
    for lines in (kinds[:3], kinds[3:]):
        assert stream_of(b"\n".join(lines)) == {f"[(4, 8, 8, 3), (4, 8, 8, 3)] {total}"}


def test_a_home_that_cannot_be_written_to_is_no_hindrance(adverse: Adverse) -> None:
    assert (adverse[0] / "shown.png").stat().st_size > 1000


def test_warnings_as_errors_and_unclosed_files_find_nothing(adverse: Adverse) -> None:
    # What cannot be caught, such as an unclosed file, is printed; Matplotlib reports the home.
    lines = adverse[2].splitlines()
    assert [line for line in lines if not line.startswith((b"mkdir -p ", b"Matplotlib "))] == []


def test_the_commands_print_what_an_old_terminal_can_show(folder: Path) -> None:
    command = ("augseq", "index", "photos", "-o", "photos.parquet")
    counts = run(folder, *command, **OLD_LOCALE).stdout.decode("ascii")
    assert re.search(r"k\\xe4tzchen +4 +#{30}\n +\\u65e5\\u672c +4 +#{30}\n", counts)
    (folder / "photos" / "日本" / "ö2.jpg").write_bytes(b"no image")
    check = subprocess.run(
        ["augseq", "check", "photos.parquet"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **OLD_LOCALE},
        capture_output=True,
    )
    assert check.returncode == 1, check.stderr
    assert rb"  - \u65e5\u672c/\xf62.jpg" in check.stdout


# A process of "forkserver" is a fork of one that has imported as little as that of "spawn".
@pytest.mark.parametrize(
    "methods", [["fork", "spawn"], pytest.param(["forkserver"], marks=pytest.mark.long)]
)
def test_a_training_in_a_process_of_any_kind_has_workers_of_every_kind(
    folder: Path, methods: list[str]
) -> None:
    (folder / "train.py").write_text(
        "import multiprocessing, sys\n\ndef train():\n    augment = cache = None\n"
        + textwrap.indent(ONE_BATCH_OF_EACH, "    ")
        + "    sys.stdout.flush()\n"
        + textwrap.dedent(
            f"""
            if __name__ == "__main__":
                for method in {methods}:
                    process = multiprocessing.get_context(method).Process(target=train)
                    process.start()
                    process.join()
                    assert process.exitcode == 0, method
            """
        )
    )
    lines = run(folder, sys.executable, "train.py").stdout.splitlines()
    assert len(lines) == 3 * len(methods)
    runs = [lines[first : first + 3] for first in range(0, len(lines), 3)]
    assert len(set.union(*[stream_of(b"\n".join(run)) for run in runs])) == 1


MAIN_FUNCTION = """
import augseq
images = augseq.index_folder("photos", progress=False)
def brighter(image, rng):
    return image // 2 + 100

make = lambda step, kind: augseq.ImageSequence(
    images, image_size=(8, 8), batch_size=8, workers=2, augment=[step], worker_kind=kind)
for step in (brighter, lambda image, rng: image // 2 + 100):
    print((make(step, "processes")[0][0] == make(brighter, "serial")[0][0]).all())

"""


def test_at_the_prompt_processes_load_functions_without_a_warning(folder: Path) -> None:
    done = run(folder, sys.executable, "-i", "-q", given=MAIN_FUNCTION)
    assert done.stdout.split() == [b"True", b"True"]
    errors = done.stderr.decode()
    assert "Threads are used" not in errors
    assert "Traceback" not in errors


# Jupyter's client announces that its local connection is not encrypted.
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::DeprecationWarning")
def test_in_a_notebook_processes_load_its_functions_and_those_of_a_module(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "numpy")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    (folder / "mine.py").write_text("def darker(image, rng):\n    return image // 2\n")
    sources = [
        MAIN_FUNCTION,
        "import mine\nbatches = make(mine.darker, 'processes')\nbatches[0]\nprint(batches)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    client = NotebookClient(notebook, timeout=90, resources={"metadata": {"path": str(folder)}})
    first, second = client.execute().cells
    text = "".join(output.get("text", "") for output in first.outputs)
    assert text.count("True") == 2
    assert "Threads are used" not in text
    assert "processes: 2" in "".join(output.get("text", "") for output in second.outputs)
