"""Whatever a decoder raises becomes a `DecodeError`."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import UnidentifiedImageError

from augseq.errors import DecodeError


class UnidentifiedError(DecodeError):
    """The bytes begin like a format, but its decoder does not take them for it."""


@contextmanager
def explaining() -> Iterator[None]:
    """Make every exception a `DecodeError`.

    Pillow's parsers let all kinds of them out of damaged files, from struct.error to SyntaxError,
    and RecursionError or MemoryError out of hostile ones.
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
                "its pixels are stored in a way that is not read (Pillow calls it mode "
                f"{mode[1]}): save it again as plain grey, RGB or RGBA"
            ) from error
        raise DecodeError(f"{error or type(error).__name__}".strip()) from error
    except Exception as error:
        # Their texts say little by themselves: that of a KeyError is a number.
        raise DecodeError(f"it is damaged ({type(error).__name__}: {error})") from error
