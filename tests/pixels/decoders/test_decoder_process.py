"""A decoder that crashes is an error in any process, and leaves nothing running."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

import augseq
from augseq.pixels.decoders.isolated import decoder_process
from augseq.pixels.decoders.isolated.decoder_process import call_in_decoder_process
from augseq.pixels.options import DecodeOptions

from ..conftest import decode, encoded, photo
from ..odd_files.written_elsewhere import HEIC, HEIC_TURNED, JXL
from . import deadly_decoders as deadly

pytestmark = pytest.mark.skipif(os.name != "posix", reason="crashes by signals")

# One changed byte, in the name of the item that holds the EXIF data: pi-heif 1.4 passes it to
# a function of Python that returns NULL, and continues with that.
CRASHING = HEIC_TURNED.replace(b"Exif", b"E\xadif", 1)
OPTIONS = DecodeOptions()
ROOT = Path(__file__).parents[3]


def call(function: object, data: bytes = b"") -> object:
    return call_in_decoder_process("STAND-IN", function, data, OPTIONS)


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


@pytest.fixture(scope="module")
def crashing() -> bytes:
    pytest.importorskip("pi_heif")
    program = (
        "import pi_heif, io, sys, PIL.Image; pi_heif.register_heif_opener();"
        "PIL.Image.open(io.BytesIO(bytes.fromhex(sys.argv[1]))).load()"
    )
    if run(program, CRASHING.hex()).returncode >= 0:
        pytest.skip("this pi-heif no longer crashes on this file")
    return CRASHING


@pytest.fixture
def folder(tmp_path: Path, crashing: bytes) -> Path:
    """Seven images of three formats, of which the fourth crashes its decoder."""
    jpeg = encoded(photo(12, 18), "JPEG")
    files = [HEIC, jpeg, HEIC_TURNED, crashing, JXL, HEIC, jpeg]
    for number, data in enumerate(files):
        place = tmp_path / "photos" / "ab"[number % 2] / f"{number}.heic"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    pytest.importorskip("imagecodecs")
    return tmp_path / "photos"


@pytest.mark.parametrize(
    ("function", "data", "cause"),
    [
        (deadly.end_by_signal, b"11", "SIGSEGV"),
        (deadly.end_by_signal, b"7", "SIGBUS"),
        (deadly.end_by_signal, b"4", "SIGILL"),
        (deadly.end_by_signal, b"8", "SIGFPE"),
        (deadly.end_by_signal, b"15", "SIGTERM"),
        (deadly.end_by_signal, b"9", r"SIGKILL \(the system may have run out of memory\)"),
        (deadly.abort, b"", "SIGABRT"),
        (deadly.end_with_code, b"0", "exit code 0"),
        (deadly.end_with_code, b"1", "exit code 1"),
        (deadly.end_with_code, b"77", "exit code 77"),
    ],
)
def test_a_crash_of_a_decoder_is_an_error_that_says_how(
    function: object, data: bytes, cause: str
) -> None:
    with pytest.raises(augseq.errors.DecodeError, match=f"STAND-IN decoder crashes on it.*{cause}"):
        call(function, data)
    assert isinstance(call(deadly.own_number), int)


@pytest.mark.parametrize("function", [deadly.hold_the_interpreter, deadly.wait_for_ever])
def test_a_decoder_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch, function: object) -> None:
    monkeypatch.setattr(decoder_process, "LIMIT_S", 0.5)
    with pytest.raises(augseq.errors.DecodeError, match=r"takes longer than 0\.5 s"):
        call(function)


def test_a_file_is_not_blamed_for_what_an_earlier_one_did() -> None:
    for number in range(4):
        data = str(number).encode()
        assert call(deadly.die_if_used, data) == data


def test_errors_and_results_of_any_kind_are_returned() -> None:
    assert call(deadly.print_much) == "done"
    assert call(deadly.read_keyboard) == ""
    with pytest.raises(augseq.errors.DecodeError, match="its 3 bytes are odd"):
        call(deadly.refuse, b"abc")
    with pytest.raises(RuntimeError, match="LocalError: only here"):
        call(deadly.raise_what_does_not_pickle)
    big = call(deadly.repeat, b"40")
    np.testing.assert_array_equal(big, deadly.repeat(b"40", OPTIONS))
    assert big.flags.writeable


def test_a_decoder_process_loads_neither_keras_nor_pyarrow_nor_the_program() -> None:
    call(deadly.own_number)
    loaded = call(deadly.loaded_modules)
    assert not loaded & {"keras", "pyarrow", "tensorflow", "jax", "torch", "albumentations", "cv2"}
    assert "pytest" not in loaded


def test_crashes_in_one_thread_leave_others_alone() -> None:
    def work(number: int) -> object:
        if number % 5:
            return call(deadly.repeat, b"1").sum()
        with pytest.raises(augseq.errors.DecodeError, match="SIGSEGV"):
            call(deadly.end_by_signal, b"11")
        return None

    expected = deadly.repeat(b"1", OPTIONS).sum()
    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(work, range(12))) == {None, expected}


def test_the_pixels_equal_those_decoded_in_this_process() -> None:
    pytest.importorskip("imagecodecs")
    pytest.importorskip("pi_heif")
    for data in (HEIC, HEIC_TURNED, JXL):
        for mode in ("rgb", "grayscale", "rgba"):
            for deep in (False, True):
                options = DecodeOptions(color_mode=mode, full_depth=deep)
                here = augseq.pixels.decode._decode(data, options)
                there = decode(data, color_mode=mode, full_depth=deep)
                np.testing.assert_array_equal(there, here)
                assert there.dtype == here.dtype


def test_reading_a_file_that_crashes_its_decoder_names_it(tmp_path: Path, crashing: bytes) -> None:
    path = tmp_path / "broken.heic"
    path.write_bytes(crashing)
    with pytest.raises(
        augseq.errors.DecodeError, match=r"broken\.heic.*HEIC decoder crashes.*SIGSEGV"
    ):
        augseq.read_image(path)


def test_such_a_file_is_named_or_excluded_when_indexing_and_checking(folder: Path) -> None:
    with pytest.raises(augseq.errors.DecodeError, match=r"b/3\.heic.*SIGSEGV"):
        augseq.index_folder(folder, probe=True, progress=False)
    with pytest.warns(augseq.AugseqWarning, match=r"b/3\.heic.*SIGSEGV"):
        images = augseq.index_folder(folder, unreadable="exclude", progress=False)
    assert len(images) == 6
    assert images.excluded.column("path").to_pylist() == ["b/3.heic"]
    report = augseq.check_images(augseq.index_folder(folder, progress=False), progress=False)
    (found,) = (finding for finding in report.findings if finding.kind == "unreadable")
    assert [file.path for file in found.files] == ["b/3.heic"]


@pytest.mark.parametrize("kind", ["serial", "threads", "processes"])
def test_every_kind_of_worker_names_such_a_file_and_reads_the_others(
    folder: Path, kind: str
) -> None:
    images = augseq.index_folder(folder, progress=False)
    options = {"image_size": (8, 8), "batch_size": 7, "worker_kind": kind, "workers": 2}
    batches = augseq.ImageSequence(images, **options)
    with pytest.raises(augseq.errors.DecodeError, match=r"b/3\.heic.*index.*SIGSEGV"):
        batches[0]
    good = images.select([record.path != "b/3.heic" for record in images])
    pixels, _ = augseq.ImageSequence(good, **options)[0]
    expected = [augseq.read_image(folder / r.path, image_size=(8, 8)) for r in good]
    np.testing.assert_array_equal(pixels, expected)


PROGRAM = """
import sys, os, psutil, augseq
print("begins", flush=True)
path, how = sys.argv[1:]
pixels = augseq.read_image(path)
children = [process.pid for process in psutil.Process().children(recursive=True)]
print(*children, flush=True)
if how == "fork":
    import warnings
    warnings.simplefilter("ignore")
    number = os.fork()
    assert (augseq.read_image(path) == pixels).all()
    own = [process.pid for process in psutil.Process().children()]
    assert not number == 0 or len(own) == 1 and own[0] not in children
    if number:
        assert os.waitpid(number, 0)[1] == 0
elif how == "crash":
    os.abort()
elif how == "wait":
    sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["end", "fork", "crash", "wait"])
def test_no_process_is_left_behind_however_the_program_ends(tmp_path: Path, how: str) -> None:
    pytest.importorskip("pi_heif")
    path = tmp_path / "photo.heic"
    path.write_bytes(HEIC)
    script = tmp_path / "script.py"
    script.write_text(PROGRAM)
    with subprocess.Popen(
        [sys.executable, script, path, how],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as program:  # fmt: skip
        # Once: a decoder process does not run the script again.
        assert program.stdout.readline() == "begins\n"
        children = [int(number) for number in program.stdout.readline().split()]
        running = [process for process in map(_process, children) if process is not None]
        if how == "wait":
            program.kill()
        printed, errors = program.communicate()
    assert printed == ""
    assert errors == ""
    assert program.returncode == {"crash": -signal.SIGABRT, "wait": -signal.SIGKILL}.get(how, 0)
    assert len(children) == 1
    assert not psutil.wait_procs(running, timeout=60)[1]


def _process(number: int) -> psutil.Process | None:
    try:
        return psutil.Process(number)
    except psutil.NoSuchProcess:
        return None


def test_other_formats_start_no_process(tmp_path: Path) -> None:
    paths = []
    for ending in ("jpg", "png", "webp", "tif", "bmp", "gif", "avif", "jp2", "ppm"):
        paths.append(tmp_path / f"image.{ending}")
        photo(12, 18).save(paths[-1])
    program = (
        "import sys, augseq, psutil; [augseq.read_image(path) for path in sys.argv[1:]];"
        "print(len(psutil.Process().children()))"
    )
    assert run(program, *map(str, paths)).stdout == "0\n"


def test_an_interpreter_that_cannot_start_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    pytest.importorskip("pi_heif")
    path = tmp_path / "photo.heic"
    path.write_bytes(HEIC)
    program = (
        "import sys, multiprocessing, augseq;"
        "multiprocessing.set_executable('/bin/false'); augseq.read_image(sys.argv[1])"
    )
    errors = run(program, str(path)).stderr
    assert "WorkerError: A decoder process cannot start: it ended with exit code 1" in errors
    program = program.replace("/bin/false", "/no/python")
    assert "WorkerError: Cannot start a process to decode HEIC" in run(program, str(path)).stderr
