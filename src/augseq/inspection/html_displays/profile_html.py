"""Notebook display of a profile: stages and workers as bars."""

from collections.abc import Callable, Iterator, Mapping

from augseq.inspection.html_displays.markup import Markup, bar, card, element, note


def profile_html(
    num_images: int,
    stages: Mapping[str, float],
    images_per_s: Mapping[str, float],
    verdict: str,
) -> str:
    """Return a profile as HTML.

    Args:
        num_images: Number of images that each figure averages over.
        stages: Milliseconds per image, by stage.
        images_per_s: Images per second, by kind and number of workers.
        verdict: The bottleneck and the remedy.
    """
    total = sum(stages.values())
    return card(
        "Profile",
        f"{num_images:,} images · {total:.3f} ms per image in one thread",
        element("div", verdict),
        note("Milliseconds per image, in one thread"),
        _grid(stages, total, lambda ms: f"{ms:.3f} ({ms / max(total, 1e-12):.0%})"),
        note("Images per second, by workers"),
        _grid(images_per_s, max(images_per_s.values()), lambda rate: f"{rate:,.0f}"),
    )


def _grid(values: Mapping[str, float], most: float, text_of: Callable[[float], str]) -> Markup:
    def cells() -> Iterator[Markup]:
        for name, value in values.items():
            yield element("div", name, class_="augseq-name", title=name)
            yield bar(value / max(most, 1e-12), text_of(value))

    return element("div", *cells(), class_="augseq-classes augseq-bars")
