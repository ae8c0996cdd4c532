"""Collect what is wrong with annotations, then raise or exclude."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from augseq.errors import ManifestError
from augseq.indexing.annotations.options import InvalidPolicy
from augseq.terminal_text import counted, first_few


@dataclass(slots=True)
class Problems:
    """What is wrong with the annotations of a dataset.

    Attributes:
        source: The annotation file or folder, as in messages.
        by_image: First problem of each image, by its position.
        without_image: Problems of annotations that belong to no image.
        hint: A sentence about what may have caused them; may be empty.
    """

    source: str
    by_image: dict[int, str] = field(default_factory=dict)
    without_image: list[str] = field(default_factory=list)
    hint: str = ""

    def add(self, image: int, place: str, text: str) -> None:
        """Add a problem.

        Args:
            image: Position of the image; -1 if there is none.
            place: Where in the file, such as "annotations[4]".
            text: What must hold, and what was received.
        """
        if image < 0:
            self.without_image.append(f"{place}: {text}")
        else:
            self.by_image.setdefault(image, f"{place}: {text}")

    def settle(self, policy: InvalidPolicy) -> None:
        """Raise `ManifestError` if there are problems, unless they are excluded."""
        texts = [*(text for _, text in sorted(self.by_image.items())), *self.without_image]
        if not texts or policy == "exclude":
            return
        count = len(self.by_image)
        effect = f"to exclude {'this image' if count == 1 else f'these {count:,} images'}"
        raise ManifestError(
            f"The annotations in {self.source} are not valid. {first_few(texts, between='; ')}."
            f"{self.hint and ' ' + self.hint} Correct them; or pass "
            'invalid="exclude" (at the shell: --invalid exclude) '
            f"{effect if count else 'to ignore these annotations'}, with a warning."
        )

    def reasons(self, num_images: int) -> pa.Array:
        """Return the first problem of each image; null for images without one."""
        return pa.array([self.by_image.get(k) for k in range(num_images)], pa.string())

    def findings(self) -> Iterator[str]:
        """Yield warnings about what is excluded."""
        if self.by_image:
            first = next(iter(self.by_image.values()))
            yield (
                f"Excluded: {counted(len(self.by_image), 'image')} with invalid annotations in "
                f"{self.source} (`manifest.excluded`), such as {first}"
                f"{self.hint and '. ' + self.hint}"
            )
        if self.without_image:
            count = counted(len(self.without_image), "annotation")
            yield (
                f"Ignored: {count} in {self.source} without an image, such as "
                f"{self.without_image[0]}"
            )
