"""Errors: one documented tree that survives copying and pickling."""

import copy
import inspect
import pickle
import re

import pytest

from augseq import errors

CLASSES = {
    name: value
    for name, value in vars(errors).items()
    if inspect.isclass(value) and value.__module__ == errors.__name__
}
RAISED = [kind for kind in CLASSES.values() if kind is not errors.AugseqError]
BUILTINS = {
    "ArgumentError": ValueError,
    "MissingFileError": FileNotFoundError,
    "MissingExtraError": ImportError,
    "NotAFolderError": NotADirectoryError,
    "UnreadableError": PermissionError,
    "RemoteError": ConnectionError,
    "LabelError": ValueError,
    "ManifestError": ValueError,
    "BackupError": OSError,
    "DecodeError": ValueError,
    "ChangedFileError": ValueError,
    "AugmentationError": ValueError,
    "WorkerError": RuntimeError,
    "SharedMemoryError": OSError,
    "BatchTimeoutError": TimeoutError,
    "AugseqWarning": UserWarning,
}
TEXT = "Cannot decode 'cats/0017.jpg' (index 17): truncated."


@pytest.mark.parametrize("kind", CLASSES.values())
@pytest.mark.parametrize("twin_of", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_an_error_keeps_type_text_and_notes_when_copied(kind: type, twin_of: type) -> None:
    error = kind(TEXT)
    error.add_note("To replay: ...")
    twin = twin_of(error)
    assert type(twin) is kind
    assert str(twin) == str(error) == TEXT
    assert twin.args == error.args
    assert twin.__notes__ == ["To replay: ..."]


def test_a_decode_error_keeps_path_and_index_when_pickled() -> None:
    twin = pickle.loads(pickle.dumps(errors.DecodeError(TEXT, "cats/0017.jpg", 17)))
    assert (str(twin), twin.path, twin.index) == (TEXT, "cats/0017.jpg", 17)
    bare = pickle.loads(pickle.dumps(errors.DecodeError(TEXT)))
    assert (str(bare), bare.path, bare.index) == (TEXT, None, None)


@pytest.mark.parametrize("kind", RAISED)
def test_an_error_is_caught_as_its_builtin_base_class(kind: type[Exception]) -> None:
    builtin = BUILTINS[kind.__name__]
    with pytest.raises(builtin, match="truncated"):
        raise kind(TEXT)


@pytest.mark.parametrize("kind", RAISED)
def test_everything_except_the_warning_is_an_augseq_error(kind: type) -> None:
    assert issubclass(kind, errors.AugseqError) == (kind is not errors.AugseqWarning)


def test_the_tree_in_the_docstring_names_exactly_the_classes() -> None:
    assert errors.__doc__ is not None
    drawn = re.findall(r"^\W*(\w+(?:Error|Warning)) +\((\w+)\)", errors.__doc__, re.MULTILINE)
    assert [name for name, _ in drawn] == [kind.__name__ for kind in RAISED]
    assert {name: builtin.__name__ for name, builtin in BUILTINS.items()} == dict(drawn)
    assert re.findall(r"^ +(\w+)$", errors.__doc__, re.MULTILINE) == ["AugseqError"]
