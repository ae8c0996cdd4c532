"""Find the images that Pascal VOC files name."""

import os
import posixpath
from collections.abc import Sequence

from augseq.errors import ManifestError
from augseq.indexing.annotations.xml_file import Element
from augseq.pixels.decoders.registry import readable_endings
from augseq.terminal_text import listed
from augseq.types import PathLike


def image_name(tree: Element, name: str) -> str:
    """Return the path of an image; a mere name is that of one in the folder of the XML file."""
    found = tree.value("filename")
    if not found:
        raise ManifestError(
            f"{name!r} must name its image in <filename>. Received: "
            f"{'none' if found is None else 'an empty one'}"
        )
    is_path = "/" in found or "\\" in found
    return found if is_path else posixpath.join(posixpath.dirname(name), found)


def with_extensions(names: Sequence[str], files: Sequence[str], root: PathLike) -> list[str]:
    """Return paths of images, with the extensions of their files where they have none.

    ImageNet's files name only "n02084071_1".

    Args:
        names: Path of each image, relative to the root.
        files: The XML file of each, as in messages.
        root: A local folder.

    Raises:
        ManifestError: Several images have such a name.
    """
    endings = readable_endings()
    by_stem: dict[str, dict[str, list[str]]] = {}
    found = []
    for name, file in zip(names, files, strict=True):
        folder, stem = posixpath.split(name)
        if not stem.lower().endswith(endings):
            if folder not in by_stem:
                by_stem[folder] = _by_stem(os.path.join(root, folder))
            images = sorted(by_stem[folder].get(stem, [stem]))
            if len(images) > 1:
                raise ManifestError(
                    f"{file!r} must name one image. Received: {stem!r}, which could be "
                    f"{listed(images)}. Add the extension to <filename>."
                )
            found.append(posixpath.join(folder, images[0]))
        else:
            found.append(name)
    return found


def _by_stem(folder: str) -> dict[str, list[str]]:
    """Return the images in a folder by their names without extension."""
    files: dict[str, list[str]] = {}
    try:
        names = os.listdir(folder)
    except OSError:
        return files  # A missing folder has its own message.
    endings = readable_endings()
    for name in names:
        stem = os.path.splitext(name)[0] if name.lower().endswith(endings) else name
        files.setdefault(stem, []).append(name)
    return files
