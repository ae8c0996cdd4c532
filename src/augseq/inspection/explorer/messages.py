"""Error messages of the explorer, in one line each."""

from augseq.inspection.drawing.thumbnails import reason_of
from augseq.inspection.explorer.choices import Choice
from augseq.inspection.explorer.parameters import Value
from augseq.manifest.record import Record


def problem_of(error: Exception, record: Record) -> str:
    """Return why there is no picture of a sample.

    If an augmentation failed, the message names it and not the image, so that one line covers all
    images.
    """
    culprits = [text for text in getattr(error, "__notes__", []) if text.startswith("Raised by")]
    if culprits:
        return f"{reason_of(error)} ({culprits[0].rstrip('.')})"
    return f"{record}: {reason_of(error)}"


def refusal(choice: Choice, name: str, value: Value, error: Exception) -> str:
    """Return that a transform does not accept a value, and which value it keeps."""
    kept = next(parameter.value for parameter in choice.parameters if parameter.name == name)
    reason = _without_form(str(error))
    return f"{choice.name} does not accept {name}={value!r} and keeps {kept!r}: {reason}"


def _without_form(text: str) -> str:
    """Return a message of pydantic without its headings and URL."""
    lines = [line.strip().split(" [type=")[0] for line in text.splitlines() if line.strip()]
    if lines and "validation error" in lines[0]:
        lines = [line for line in lines[1:] if not line.startswith("For further information")]
    return " ".join(lines)
