"""All errors that augseq raises deliberately.

    AugseqError
    ├── ArgumentError       (ValueError)         an option has an invalid value
    ├── MissingFileError    (FileNotFoundError)  a folder, manifest or image does not exist
    ├── NotAFolderError     (NotADirectoryError) a path is a file where a folder is required
    ├── UnreadableError     (PermissionError)    access to a file or folder is refused
    ├── RemoteError         (ConnectionError)    a remote folder does not answer as expected
    ├── LabelError          (ValueError)         folders, classes and labels do not match
    ├── ManifestError       (ValueError)         a manifest or table is damaged or too new
    ├── BackupError         (OSError)            a run cannot be saved, or resumed from a backup
    ├── DecodeError         (ValueError)         a file does not contain a usable image
    ├── ChangedFileError    (ValueError)         a file has changed since it was indexed
    ├── AugmentationError   (ValueError)         an augmentation broke its contract
    ├── WorkerError         (RuntimeError)       worker processes die, or raise an unpicklable error
    ├── SharedMemoryError   (OSError)            shared memory has no room for a batch
    ├── BatchTimeoutError   (TimeoutError)       a batch takes longer than `batch_timeout_s`
    └── MissingExtraError   (ImportError)        an optional library is not installed

    AugseqWarning           (UserWarning)        worth knowing, but training can continue

An exception raised by a user's own transform keeps its type and gains a note.
"""

from augseq.terminal_text import printable_message


class AugseqError(Exception):
    """Base class of all augseq errors."""

    def __str__(self) -> str:
        # File names can contain terminal control codes.
        return printable_message(super().__str__())


class ArgumentError(AugseqError, ValueError):
    """An option has an invalid value."""


class MissingFileError(AugseqError, FileNotFoundError):
    """A folder, a manifest or an image does not exist."""


class NotAFolderError(AugseqError, NotADirectoryError):
    """A path is a file where a folder is required."""


class UnreadableError(AugseqError, PermissionError):
    """Access to a file or folder is refused, or an archive cannot be opened."""


class RemoteError(AugseqError, ConnectionError):
    """A remote folder does not answer, or its answer is unusable."""


class LabelError(AugseqError, ValueError):
    """Folders, class names and labels do not match."""


class ManifestError(AugseqError, ValueError):
    """A manifest or table is damaged, of another format, or from a newer augseq."""


class BackupError(AugseqError, OSError):
    """A backup of a training run cannot be written, or does not match the run."""


class DecodeError(AugseqError, ValueError):
    """A file does not contain a usable image.

    Attributes:
        path: The file, as the manifest or the caller names it.
        index: The record's index; None for a file that is not part of a manifest.
    """

    def __init__(self, message: str, path: str | None = None, index: int | None = None) -> None:
        super().__init__(message, path, index)
        self.path = path
        self.index = index

    def __str__(self) -> str:
        return printable_message(str(self.args[0]))


class ChangedFileError(AugseqError, ValueError):
    """A file has changed since it was indexed."""


class AugmentationError(AugseqError, ValueError):
    """An augmentation broke its contract: wrong type, shape or dtype."""


class WorkerError(AugseqError, RuntimeError):
    """Worker processes die while loading a batch, or raise an unpicklable error."""


class SharedMemoryError(AugseqError, OSError):
    """Shared memory has no room for a batch."""


class BatchTimeoutError(AugseqError, TimeoutError):
    """A batch takes longer than `batch_timeout_s`; the message says where it hangs."""


class MissingExtraError(AugseqError, ImportError):
    """A library from one of augseq's optional extras is not installed."""


class AugseqWarning(UserWarning):
    """Something worth knowing that does not stop the work."""

    def __str__(self) -> str:
        return printable_message(super().__str__())


# As declared in pyproject.toml; a test compares them.
EXTRAS = {
    "gcs": ("gcsfs>=2024.10",),
    "grain": ("grain>=0.2.13",),
    "heif": ("pi-heif>=1.0",),
    "hf": ("huggingface_hub>=0.26",),
    "http": ("aiohttp>=3.10",),
    "jxl": ("imagecodecs>=2025.3.30",),
    "tiff": ("imagecodecs>=2025.3.30", "tifffile>=2025.3.30"),
    "notebook": ("ipykernel>=6.29", "ipywidgets>=8.1", "jupyterlab>=4.2", "pycocotools>=2.0.8"),
    "pandas": ("pandas>=2.2",),
    "ray": ("ray>=2.60",),
    "s3": ("s3fs>=2024.10",),
    "tensorflow": ("tensorflow>=2.18",),
}


def install_command(*extras: str) -> str:
    """Return the pip command that installs the libraries of some extras.

    The command lists libraries, not extras, so it works whether augseq was installed from a
    clone, a wheel or a package index.

    Args:
        *extras: Keys of `EXTRAS`.

    >>> install_command("heif", "jxl")
    'pip install "pi-heif>=1.0" "imagecodecs>=2025.3.30"'
    """
    requirements = [f'"{requirement}"' for extra in extras for requirement in EXTRAS[extra]]
    return " ".join(["pip install", *requirements])
