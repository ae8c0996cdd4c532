"""Convert all exceptions of decoders to `DecodeError`."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import UnidentifiedImageError

from augseq.errors import DecodeError


class UnidentifiedError(DecodeError):
    """The first bytes match a format, but its decoder does not recognize the file."""


@contextmanager
def explaining() -> Iterator[None]:
    """Convert every exception to a `DecodeError`.

    Pillow's parsers raise all kinds of exceptions for damaged files, from struct.error to
    SyntaxError, and RecursionError or MemoryError for malicious ones.
    """
    try:
        yield
    except DecodeError:
        raise
    except UnidentifiedImageError as error:
        raise UnidentifiedError("its header is damaged") from error
    except (OSError, SyntaxError, ValueError) as error:
        mode = re.match(r"conversion from (\S+) to \S+ not supported", str(error))
        if mode is not None:
            raise DecodeError(
                f"its pixel format is not supported (Pillow calls it mode {mode[1]}): "
                "save it again as plain grey, RGB or RGBA"
            ) from error
        raise DecodeError(f"{error or type(error).__name__}".strip()) from error
    except Exception as error:
        # Their messages say little on their own: that of a KeyError is a number.
        raise DecodeError(f"it is damaged ({type(error).__name__}: {error})") from error
