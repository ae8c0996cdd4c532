"""Identify files that are not images, and advise what to do with them."""

import re
import zlib

from augseq.pixels.decoders.registry import find_format, recognize_format
from augseq.remote.archive_kinds import GZIP_START, ZIP_STARTS, archive_kind

# Web pages, Git LFS pointers and SVG drawings are recognized by their first lines.
_HEAD_BYTES = 4096
_SHOWN_LETTERS = 40

_AGAIN = "the download failed or returned a web page instead of the file; download it again"
_CONVERT = "convert it to PNG, TIFF or JPEG"
_DELETE = "delete it"
_FRAMES = "save the frames you need as images"
_FROM_ARRAYS = "ImageSequence.from_arrays takes arrays"
_UNPACK = "unpack it"

# By the first bytes of the file.
_SIGNATURES: dict[bytes, tuple[str, str]] = {
    b"8BPS": ("a Photoshop file", _CONVERT),
    b"%PDF": ("a PDF file", "save its pages as images"),
    b"%!PS": ("a PostScript file", _CONVERT),
    b"\xc5\xd0\xd3\xc6": ("a PostScript file", _CONVERT),
    b"\0\0\1\0": ("an icon", _CONVERT),
    b"icns": ("a macOS icon", _CONVERT),
    b"v/1\1": ("an OpenEXR image", _CONVERT),
    b"#?RADIANCE": ("a Radiance HDR image", _CONVERT),
    b"#?RGBE": ("a Radiance HDR image", _CONVERT),
    b"SIMPLE  =": ("a FITS image", _CONVERT),
    b"gimp xcf": ("a GIMP file", _CONVERT),
    b"DDS ": ("a DDS texture", _CONVERT),
    b"qoif": ("a QOI image", _CONVERT),
    b"BPG\xfb": ("a BPG image", _CONVERT),
    b"II\xbc": ("a JPEG XR image", _CONVERT),
    b"FUJIFILMCCD-RAW": ("a camera raw photo", _CONVERT),
    b"\0\5\x16\7": ("macOS metadata of another file (AppleDouble)", _DELETE),
    b"\0\0\0\1Bud1": ("macOS folder metadata (.DS_Store)", _DELETE),
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": ("an old Office document, or a Thumbs.db", _DELETE),
    b"\x93NUMPY": ("a numpy array", f'color_mode="bands" reads it; {_FROM_ARRAYS}'),
    b"\x89HDF\r\n\x1a\n": ("an HDF5 file", f"read it with h5py; {_FROM_ARRAYS}"),
    b"MATLAB 5.0": ("a MATLAB file", f"read it with scipy.io.loadmat; {_FROM_ARRAYS}"),
    b"CDF\1": ("a NetCDF file", f"read it with xarray; {_FROM_ARRAYS}"),
    b"CDF\2": ("a NetCDF file", f"read it with xarray; {_FROM_ARRAYS}"),
    b"PAR1": ("a Parquet file", "pass a table of images to index_table, as .parquet"),
    b"ARROW1": ("an Arrow file", "read it with pyarrow"),
    b"SQLite format 3\0": ("an SQLite database", _DELETE),
    b"\x1aE\xdf\xa3": ("a video (Matroska or WebM)", _FRAMES),
    b"FLV\1": ("a video (Flash)", _FRAMES),
    b"\0\0\1\xba": ("a video (MPEG)", _FRAMES),
    b"\0\0\1\xb3": ("a video (MPEG)", _FRAMES),
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": ("a video (Windows Media)", _FRAMES),
    b"OggS": ("an audio file (Ogg)", _DELETE),
    b"ID3": ("an audio file (MP3)", _DELETE),
    b"fLaC": ("an audio file (FLAC)", _DELETE),
    b"\x7fELF": ("a program", _DELETE),
    b"MZ": ("a Windows program", _DELETE),
}
_ZIP_KINDS = {
    b"[Content_Types].xml": ("an Office document", "save its pictures as files"),
    b"mimetypeapplication/": ("an Office document or an e-book", "save its pictures as files"),
    b".npy": ("a numpy archive (.npz)", f"load it with numpy.load; {_FROM_ARRAYS}"),
    b"/data.pkl": ("a PyTorch file", f"load it with torch.load; {_FROM_ARRAYS}"),
}
# First boxes of QuickTime and MP4 files.
_VIDEO_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"})
_RIFF_KINDS = {b"AVI ": ("a video (AVI)", _FRAMES), b"WAVE": ("an audio file (WAV)", _DELETE)}
# What can precede the first tag: white space, comments, <?xml ...?>.
_BEFORE_TAGS = re.compile(r"(?:\s|<!--.*?(?:-->|$)|<\?.*?(?:\?>|$))*", re.DOTALL)
_DOCTYPE = re.compile(r"<!doctype\s+(\S*?)[\s>\[]", re.IGNORECASE)
_PAGE_TAGS = re.compile(
    r"<(?:html|head|body|title|script|meta|link|style|div|span|p|h[1-6]|center|table|form|iframe|"
    r"img|a|br|font|pre|section|main|noscript)\b",
    re.IGNORECASE,
)
_BASE64_IMAGES = re.compile(r"(?:/9j/|iVBORw0KGgo|R0lGOD|UklGR|Qk[0-9A-Za-z+/]{30})[\w+/=\s]*$")
_LINK = re.compile(r"(?:\.{0,2}/|[\w.-]+/)[^\s<>{}]*$")


EMPTY = "the file is empty (0 bytes)"


def name_kind(data: bytes) -> str:
    """Return why a file is not a readable image, for a `DecodeError`."""
    if not any(data):
        return f"its {len(data)} bytes are all zero: a copy was interrupted; copy the file again"
    described = describe_file(data)
    if described is not None:
        kind, advice = described
        return f"its {len(data)} bytes are {kind}, not an image of a known format: {advice}"
    return f"its {len(data)} bytes are not an image of a known format, or its header is damaged"


def describe_file(data: bytes) -> tuple[str, str] | None:
    """Identify a file that is not an image.

    Args:
        data: The whole file.

    Returns:
        Its kind, such as "a web page (HTML)", and what to do; None if unknown.
    """
    stripped = data.lstrip()
    for start, found in _SIGNATURES.items():
        if data.startswith(start) or stripped.startswith(start):
            return found
    if data[128:132] == b"DICM":
        return "a DICOM file", "convert it to PNG or TIFF with pydicom"
    if data.startswith(ZIP_STARTS):
        return _describe_zip(data)
    if data.startswith(GZIP_START):
        return _describe_gzip(data)
    archive = archive_kind(data)
    if archive is not None:
        return archive.title, _UNPACK
    if data.startswith(b"RIFF") and data[8:12] in _RIFF_KINDS:
        return _RIFF_KINDS[data[8:12]]
    if data[4:8] in _VIDEO_BOXES:
        return _describe_boxes(data)
    if data[:1] == b"\x80" and data[1:2] in b"\2\3\4\5" and data.endswith(b"."):
        return "a Python pickle", f"load it with pickle, if you trust it; {_FROM_ARRAYS}"
    text = _text(data)
    return None if text is None else _describe_text(text)


def _describe_zip(data: bytes) -> tuple[str, str]:
    # Member names are stored uncompressed at the beginning and the end.
    ends = data[:_HEAD_BYTES] + data[-_HEAD_BYTES:]
    found = (kind for name, kind in _ZIP_KINDS.items() if name in ends)
    return next(found, ("a ZIP archive", _UNPACK))


def _describe_gzip(data: bytes) -> tuple[str, str]:
    try:
        head = zlib.decompressobj(31).decompress(data, _HEAD_BYTES)
    except zlib.error:
        return "a gzip archive", _UNPACK
    image_format = recognize_format(head)
    if image_format is not None:
        article = "an" if image_format.title[0] in "AEIOU" else "a"
        return f"{article} {image_format.title} file compressed with gzip", "unpack it: gunzip"
    found = None if head.startswith(GZIP_START) else describe_file(head)
    if found is None:
        return "a gzip archive", _UNPACK
    advice = _UNPACK if found[0].startswith("text") else found[1]
    return f"{found[0]} compressed with gzip", advice


def _describe_boxes(data: bytes) -> tuple[str, str] | None:
    brand = data[8:12] if data[4:8] == b"ftyp" else b"qt  "
    if brand == b"crx ":
        return "a camera raw photo (CR3)", _CONVERT
    # An image after all, but a damaged one; or truncated before its brand.
    if find_format(data) is not None or len(brand) < 4:
        return None
    return "a video (MP4 or QuickTime)", _FRAMES


def _text(data: bytes) -> str | None:
    """Return the beginning of a file as text; None if it is not text."""
    head, is_guess = data[:_HEAD_BYTES], False
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        # Cut to whole characters.
        text = head.decode("utf-16", "replace")
    elif head[1:2] == b"\0" and head[3:4] == b"\0":
        text = head.decode("utf-16-le", "replace")
    else:
        try:
            text = head.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            # The cut split a character, or the text has another encoding.
            is_guess = error.start < len(head) - 4 or len(data) == len(head)
            text = head.decode("latin-1") if is_guess else head[: error.start].decode("utf-8-sig")
    if not text:
        return None
    printable = sum(letter.isprintable() or letter.isspace() for letter in text)
    # Half of all bytes are Latin-1 letters, but text has few characters beyond ASCII.
    plain = sum(letter.isascii() for letter in text) if is_guess else len(text)
    return text if printable >= 0.95 * len(text) and plain >= 0.7 * len(text) else None


def _describe_text(text: str) -> tuple[str, str]:
    body = text[_BEFORE_TAGS.match(text).end() :]  # type: ignore[union-attr]
    doctype = _DOCTYPE.match(body)
    name = doctype[1].lower() if doctype else ""
    lower = body.lower()
    if name == "svg" or re.match(r"<(?:\w+:)?svg\b", lower):
        return "an SVG drawing", "convert it to PNG"
    if name == "html" or _PAGE_TAGS.match(body) or "<html" in lower or "</body>" in lower:
        return "a web page (HTML)", _AGAIN
    if body.startswith("<") or "<?xml" in text[:100]:
        return f"XML text that begins with {_beginning(body or text)}", _AGAIN
    if re.match(r"\s*[\[{]\s*(?:[\"\[{\]}\d-]|true|false|null)", text):
        return f"JSON text that begins with {_beginning(text)}", _AGAIN
    return _describe_plain(text.strip())


def _describe_plain(text: str) -> tuple[str, str]:
    if re.match(r"version https?://(?:git-lfs|hawser|git-media)", text):
        return (
            "a Git LFS pointer, whose content was not fetched",
            "run `git lfs pull` in its folder",
        )
    if "/annex/objects/" in text[:300] or "\\annex\\objects\\" in text[:300]:
        return (
            "a git-annex pointer, whose content was not fetched",
            "run `git annex get` in its folder",
        )
    if text.startswith("data:image/") or _BASE64_IMAGES.match(text):
        return "an image encoded as base64 text", "decode it: base64.b64decode"
    if not text:
        return "only white space", _AGAIN
    if "\n" not in text and len(text) < 300 and _LINK.match(text):
        return f"the text {text!r}", (
            "it seems to be a symbolic link that was copied as text; copy the file itself"
        )
    return f"text that begins with {_beginning(text)}", _AGAIN


def _beginning(text: str) -> str:
    words = " ".join(text.split())
    return repr(words[:_SHOWN_LETTERS]) + ("..." if len(words) > _SHOWN_LETTERS else "")
