from augseq.types import Image

def decode_region(
    data: bytes,
    pixels: Image,
    is_gray: bool,
    top: int,
    left: int,
    height: int,
    width: int,
    denominator: int,
    /,
) -> None: ...
