"""The public names: few, documented, and cheap to import."""

import inspect
import json
import os
import pydoc
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import pytest

import augseq

# Loaded only by those who use them; each would cost every `import augseq` a tenth of a second
# to several seconds.
HEAVY = ["albumentations", "cv2", "jax", "keras", "matplotlib", "numpy", "pandas", "pyarrow",
         "tensorflow", "torch"]  # fmt: skip

NO_NETWORK = """
import socket

def refuse(*arguments, **options):
    raise AssertionError(f"the network was asked: {arguments}")

socket.socket.connect = socket.socket.connect_ex = refuse
socket.create_connection = socket.getaddrinfo = socket.gethostbyname = refuse
"""


def run_python(code: str, **variables: str) -> Any:
    """Run code in a fresh interpreter and return the JSON that it prints."""
    environment = {k: v for k, v in os.environ.items() if k != "NO_ALBUMENTATIONS_UPDATE"}
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def public_callables() -> Iterator[tuple[str, Any]]:
    """Yield public functions, classes, and the methods and properties that these define."""
    names = [name for name in augseq.__all__ if name != "errors"]
    public = {name: getattr(augseq, name) for name in names}
    public |= {f"errors.{name}": value for name, value in ERRORS.items()}
    for name, value in public.items():
        yield name, value
        if inspect.isclass(value):
            for attribute, member in vars(value).items():
                if not attribute.startswith("_") and (
                    inspect.isroutine(member) or isinstance(member, property)
                ):
                    yield f"{name}.{attribute}", member


ERRORS = {
    name: value
    for name, value in vars(augseq.errors).items()
    if isinstance(value, type) and issubclass(value, Exception)
}
CALLABLES = dict(public_callables())


def docstring_of(value: Any) -> str:
    return inspect.cleandoc(getattr(value, "__func__", value).__doc__ or "")


def parameters_of(value: Any) -> list[str]:
    if isinstance(value, property):
        return []
    function = value.__init__ if inspect.isclass(value) else getattr(value, "__func__", value)
    names = [
        ("*" * (p.kind == p.VAR_POSITIONAL) or "**" * (p.kind == p.VAR_KEYWORD)) + p.name
        for p in inspect.signature(function).parameters.values()
    ]
    return [name for name in names if name not in ("self", "cls")]


def test_the_public_names_are_sorted_and_different() -> None:
    assert augseq.__all__ == sorted(set(augseq.__all__))
    assert {*augseq.__all__, "__version__"} == set(dir(augseq))


def test_help_begins_with_what_to_call_first() -> None:
    words = pydoc.plain(pydoc.render_doc(augseq)).split()
    first = " ".join(words)[:700]
    assert 0 < first.index("index_folder") < first.index("split(") < first.index("ImageSequence")


def names_by_task(text: str) -> list[str]:
    """Return the names in backticks, in the order of their first occurrence."""
    return list(dict.fromkeys(re.findall(r"`(?:augseq\.|errors\.)*(\w+)", text)))


def test_the_docstring_lists_all_public_names_in_the_order_of_use() -> None:
    names = [name for name in names_by_task(augseq.__doc__ or "") if name in augseq.__all__]
    assert sorted(names) == augseq.__all__
    assert names == [*augseq._HOMES, "errors"]


def test_the_api_page_has_the_same_names_in_the_same_order() -> None:
    page = Path(__file__).parents[1] / "docs" / "api.md"
    rows = re.findall(r"^\| (`.*?`) \|", page.read_text("utf-8"), re.MULTILINE)
    named = names_by_task(" ".join(rows))
    assert [name for name in named if name in augseq.__all__] == [*augseq._HOMES, "errors"]
    assert [name for name in named if name in ERRORS] == [
        *("AugseqError", "AugseqWarning"),
        *(name for name in ERRORS if name not in augseq.__all__),
    ]


def test_errors_are_listed_in_their_own_module_and_found_in_both() -> None:
    assert {name for name in augseq.__all__ if name in ERRORS} == {"AugseqError", "AugseqWarning"}
    for name in set(ERRORS) - set(augseq.__all__):
        assert name not in dir(augseq)
        assert getattr(augseq, name) is ERRORS[name]
        assert issubclass(ERRORS[name], augseq.AugseqError)


def test_star_import_imports_the_public_names() -> None:
    names: dict[str, Any] = {}
    exec("from augseq import *", names)
    assert set(augseq.__all__) <= set(names)


def test_type_imports_match_the_names_at_run_time() -> None:
    source = inspect.getsource(augseq)
    typed = re.findall(r"^    from (\S+) import (\w+) as (\w+)$", source, re.MULTILINE)
    assert {(home, name) for home, name, _ in typed} == {
        (home, name) for name, home in augseq._HOMES.items()
    }
    assert all(name == alias for _, name, alias in typed)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'augseq' has no attribute 'ImageSequense'"):
        _ = augseq.ImageSequense
    assert not hasattr(augseq, "numpy")


@pytest.mark.parametrize("name", CALLABLES)
def test_a_docstring_begins_with_one_short_sentence(name: str) -> None:
    first, *rest = docstring_of(CALLABLES[name]).split("\n")
    assert 10 < len(first) < 80
    assert first.endswith(".")
    assert not rest or not rest[0]


@pytest.mark.parametrize(
    "name", [name for name, value in CALLABLES.items() if inspect.isroutine(value)]
)
def test_a_function_docstring_begins_in_the_imperative(name: str) -> None:
    verb = docstring_of(CALLABLES[name]).split()[0]
    assert verb[0].isupper()
    assert not re.fullmatch(r"The|This|An?|\w+ing|\w*[^s]s", verb)


@pytest.mark.parametrize("name", CALLABLES)
def test_a_docstring_describes_every_parameter(name: str) -> None:
    value = CALLABLES[name]
    if ".on_" in name and hasattr(keras.callbacks.Callback, name.split(".")[1]):
        pytest.skip("Keras describes the arguments of its hooks")
    if inspect.isclass(value) and issubclass(value, BaseException):
        pytest.skip("an error takes its message")
    if getattr(value, "_is_protocol", False):
        pytest.skip("a Protocol has no constructor")
    text = docstring_of(value)
    missing = [
        parameter
        for parameter in parameters_of(value)
        if not re.search(rf"^ +{re.escape(parameter)}: ", text, re.MULTILINE)
        and f"`{parameter}`" not in text
    ]
    if inspect.isroutine(value) and len(parameters_of(value)) == 1 and "Args:" not in text:
        # "Return the records at several positions": the sentence mentions the parameter.
        missing = [p for p in missing if not re.search(rf"\b{p}\b", text)]
    assert missing == []


@pytest.mark.parametrize("name", CALLABLES)
def test_a_docstring_describes_no_missing_parameter(name: str) -> None:
    section = re.search(r"^Args:\n((?: .*\n?|\n)*)", docstring_of(CALLABLES[name]), re.MULTILINE)
    described = re.findall(r"^    (\**\w+): ", section[1], re.MULTILINE) if section else []
    assert set(described) <= set(parameters_of(CALLABLES[name]))


def test_importing_the_package_loads_no_library() -> None:
    loaded = run_python(
        "import sys; before = set(sys.modules); import augseq, json; "
        "print(json.dumps(sorted({name.split('.')[0] for name in set(sys.modules) - before})))"
    )
    assert [name for name in HEAVY if name in loaded] == []
    assert set(loaded) - sys.stdlib_module_names == {"augseq"}


def test_indexing_a_folder_loads_no_keras_and_no_albumentations(sample_images: Any) -> None:
    loaded = run_python(
        "import json, sys, augseq\n"
        f"images = augseq.index_folder({str(sample_images)!r}, progress=False)\n"
        "images.split(val=0.2)\n"
        "print(json.dumps([len(images), *sys.modules]))"
    )
    assert loaded[0] == 200
    banned = {"albumentations", "cv2", "jax", "keras", "matplotlib", "tensorflow", "torch"}
    assert banned & set(loaded) == set()


def test_importing_the_package_makes_no_network_request() -> None:
    assert run_python(NO_NETWORK + "import augseq\nprint(len(augseq.__all__))") > 20


def test_the_presets_make_no_network_request() -> None:
    names = run_python(
        NO_NETWORK + "import augseq, json, sys\n"
        "sys.modules['torch'] = None  # albumentations would load it, which takes seconds\n"
        "print(json.dumps([type(t).__name__ for t in augseq.preset('light')]))"
    )
    assert "HorizontalFlip" in names
