"""What went wrong in the explorer, in one line that a person can act on."""

from augseq.inspection.explorer.choices import Choice
from augseq.inspection.explorer.parameters import Value
from augseq.inspection.thumbnails import reason_of
from augseq.manifest.record import Record


def problem_of(error: Exception, record: Record) -> str:
    """Say why there is no picture of a sample.

    Where an augmentation is at fault, its name stands there, and not that of the image: the same
    line then stands for all images.
    """
    culprits = [text for text in getattr(error, "__notes__", []) if text.startswith("Raised by")]
    if culprits:
        return f"{reason_of(error)} ({culprits[0].rstrip('.')})"
    return f"{record}: {reason_of(error)}"


def refusal(choice: Choice, name: str, value: Value, error: Exception) -> str:
    """Say that a transform does not take a value, and what it keeps."""
    kept = next(one.value for one in choice.parameters if one.name == name)
    reason = _without_form(str(error))
    return f"{choice.name} does not take {name}={value!r} and keeps {kept!r}: {reason}"


def _without_form(text: str) -> str:
    """Return what pydantic says, without its headings and its address."""
    lines = [line.strip().split(" [type=")[0] for line in text.splitlines() if line.strip()]
    if lines and "validation error" in lines[0]:
        lines = [line for line in lines[1:] if not line.startswith("For further information")]
    return " ".join(lines)
