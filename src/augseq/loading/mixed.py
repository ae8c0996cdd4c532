"""With which record a sample is mixed, and how."""

from collections.abc import Sequence
from dataclasses import dataclass

from augseq.augment.mixing import Mix, Mixing
from augseq.loading.turns import RecordTurns, Turn
from augseq.manifest.record import Record
from augseq.sampling.randomness import Stream, lent_rng


@dataclass(frozen=True, slots=True)
class Mixed:
    """How a sample was mixed with that of another record.

    Attributes:
        record: The other record.
        repeat: How many times the other record was used earlier in the epoch.
        mix: The method, and the share of each image.
    """

    record: Record
    repeat: int
    mix: Mix

    def text(self, class_names: Sequence[str] = (), label: int | None = None) -> str:
        """Return it in a few words: "MixUp: 0.68, and 0.32 of dog, 'a/7.jpg' (index 7)".

        Args:
            class_names: Names by label; empty if they are not known.
            label: The label of the other image, if it is not that of its record.
        """
        label = self.record.target if label is None else label
        name = f"{class_names[label]}, " if class_names and label is not None else ""
        share = self.mix.share
        return f"{self.mix.name}: {share:.2f}, and {1 - share:.2f} of {name}{self.record}"


def draw_mixed(
    mixing: Mixing, own: Turn, partner: Turn, size: tuple[int, int], *, seed: int, epoch: int
) -> Mixed | None:
    """Draw how a sample is mixed with its partner; None if it stays as it is.

    Args:
        mixing: The methods.
        own: The record, whose stream the draws are from.
        partner: The other record; a record that is its own partner is not mixed.
        size: (height, width) of the images in px.
        seed: Seed of the run.
        epoch: From 0.
    """
    if partner is own or partner == own:
        return None
    where = {"epoch": epoch, "index": own.record.index, "repeat": own.repeat}
    with lent_rng(seed, Stream.MIX, **where) as rng:
        mix = mixing.draw(size, rng)
    return None if mix is None else Mixed(partner.record, partner.repeat, mix)


@dataclass(frozen=True, slots=True)
class Mixtures:
    """How the samples of a batch are mixed, drawn when it is asked for.

    Attributes:
        mixing: The methods.
        turns: The records.
        size: (height, width) of the images in px.
        seed: Seed of the run.
        epoch: From 0.
    """

    mixing: Mixing
    turns: RecordTurns
    size: tuple[int, int]
    seed: int
    epoch: int

    def drawn(self) -> list[Mixed | None]:
        """Return with which record each sample is mixed; None for one that is not."""
        return [
            draw_mixed(self.mixing, own, other, self.size, seed=self.seed, epoch=self.epoch)
            for own, other in zip(
                self.turns.own, self.turns.partners or self.turns.own, strict=True
            )
        ]
