"""Folders that systems and programs make beside a person's own."""

_NAMES = frozenset({
    "__macosx",  # Zip files of macOS: attributes of the files.
    "@eadir", "#recycle", "#snapshot",  # Synology: thumbnails, deleted files, copies.
    "@recycle", "@__thumb", "@recently-snapshot",  # QNAP.
    "$recycle.bin", "system volume information",  # Windows.
    "lost+found",  # Linux, which only root may list.
    "~snapshot",  # NetApp.
    "__pycache__",
})  # fmt: skip


def is_system_folder(name: str) -> bool:
    """Tell whether a folder of this name is never one of images to train on."""
    return name.casefold() in _NAMES
