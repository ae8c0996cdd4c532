"""Every error that augseq raises on purpose.

    AugseqError
    ├── ArgumentError       (ValueError)         an option is wrong
    ├── MissingFileError    (FileNotFoundError)  a folder, manifest or image is not there
    ├── NotAFolderError     (NotADirectoryError) a file stands where a folder must be
    ├── UnreadableError     (PermissionError)    the system refuses to read a file or folder
    ├── RemoteError         (ConnectionError)    a remote folder does not answer, or not usefully
    ├── LabelError          (ValueError)         folders, classes and labels do not agree
    ├── ManifestError       (ValueError)         a manifest or table is damaged or too new
    ├── BackupError         (OSError)            a run cannot be saved, or not go on from a backup
    ├── DecodeError         (ValueError)         a file does not hold a usable image
    ├── ChangedFileError    (ValueError)         a file is not what it was when it was indexed
    ├── AugmentationError   (ValueError)         an augmentation broke its contract
    ├── WorkerError         (RuntimeError)       worker processes die, or cannot say what failed
    ├── SharedMemoryError   (OSError)            there is no room for a batch of a worker process
    ├── BatchTimeoutError   (TimeoutError)       a batch takes longer than it may
    └── MissingExtraError   (ImportError)        a library of an extra is not installed

    AugseqWarning           (UserWarning)        training can go on, but a person should know

An exception that a user's own transform raises keeps its type and gains a note.
"""

from augseq.terminal_text import printable_message


class AugseqError(Exception):
    """Catch this to catch every error of augseq."""

    def __str__(self) -> str:
        # Names of files may hold codes that a terminal obeys.
        return printable_message(super().__str__())


class ArgumentError(AugseqError, ValueError):
    """An option has a value that cannot work."""


class MissingFileError(AugseqError, FileNotFoundError):
    """A folder, a manifest or an image is not where it should be."""


class NotAFolderError(AugseqError, NotADirectoryError):
    """A path that must be a folder is something else."""


class UnreadableError(AugseqError, PermissionError):
    """The operating system refuses to read a file or a folder."""


class RemoteError(AugseqError, ConnectionError):
    """A remote folder does not answer, or not with what was asked for."""


class LabelError(AugseqError, ValueError):
    """Folders, class names and labels do not agree."""


class ManifestError(AugseqError, ValueError):
    """A manifest or table of images is damaged, foreign, or from a newer augseq."""


class BackupError(AugseqError, OSError):
    """A backup of a training run cannot be written, or does not fit the run."""


class DecodeError(AugseqError, ValueError):
    """A file does not hold an image that can be used.

    Attributes:
        path: The file, as the manifest or the caller names it.
        index: The record's identity; None for a file read on its own.
    """

    def __init__(self, message: str, path: str | None = None, index: int | None = None) -> None:
        super().__init__(message, path, index)
        self.path = path
        self.index = index

    def __str__(self) -> str:
        return printable_message(str(self.args[0]))


class ChangedFileError(AugseqError, ValueError):
    """A file is not what it was when it was indexed."""


class AugmentationError(AugseqError, ValueError):
    """An augmentation broke its contract: wrong type, shape or dtype."""


class WorkerError(AugseqError, RuntimeError):
    """Worker processes die over a batch, or what one raised does not pickle."""


class SharedMemoryError(AugseqError, OSError):
    """The memory that processes share has no room for a batch."""


class BatchTimeoutError(AugseqError, TimeoutError):
    """A batch takes longer than `batch_timeout_s`; the message says where it hangs."""


class MissingExtraError(AugseqError, ImportError):
    """A library that an extra of augseq brings is not installed."""


class AugseqWarning(UserWarning):
    """Something that a person should know, but that need not stop the work."""

    def __str__(self) -> str:
        return printable_message(super().__str__())


# As pyproject.toml declares them; a test compares.
EXTRAS = {
    "gcs": ("gcsfs>=2024.10",),
    "heif": ("pi-heif>=1.0",),
    "hf": ("huggingface_hub>=0.26",),
    "http": ("aiohttp>=3.10",),
    "jxl": ("imagecodecs>=2025.3.30",),
    "tiff": ("imagecodecs>=2025.3.30", "tifffile>=2025.3.30"),
    "notebook": ("ipykernel>=6.29", "ipywidgets>=8.1", "jupyterlab>=4.2"),
    "pandas": ("pandas>=2.2",),
    "s3": ("s3fs>=2024.10",),
}


def install_command(*extras: str) -> str:
    """Return the command that installs the libraries of some extras.

    It names the libraries and not the extras, so that it works wherever augseq came from: a
    clone, a wheel or a package index.

    Args:
        *extras: Keys of `EXTRAS`.

    >>> install_command("heif", "jxl")
    'pip install "pi-heif>=1.0" "imagecodecs>=2025.3.30"'
    """
    requirements = [f'"{one}"' for extra in extras for one in EXTRAS[extra]]
    return " ".join(["pip install", *requirements])
