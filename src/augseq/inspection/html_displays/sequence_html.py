"""The notebook display of a sequence: its plan, and the first images of a batch."""

from collections.abc import Iterator, Sequence

from augseq.inspection.drawing.sample_look import SampleLook, look_at_sample, sample_title
from augseq.inspection.drawing.thumbnails import load_within, record_title
from augseq.inspection.html_displays.figures_html import MOST_FIGURES, SIDE_PX, figures_html
from augseq.inspection.html_displays.markup import Markup, card, element, note
from augseq.loading.pipeline import Pipeline
from augseq.loading.plan import BatchPlan
from augseq.loading.turns import Turn
from augseq.sampling.schedule import Step
from augseq.terminal_text import counted, shortened

# Images go through the whole pipeline, but a display should appear immediately.
_LIMIT_S = 3.0
_MOST_CHARACTERS = 150


def sequence_html(
    plan: BatchPlan, *, hops: Sequence[tuple[str, str]], step: Step, workers: str
) -> str:
    """Return a plan of batches as HTML, in little more than 3 s.

    Images are loaded only for this display, in this process: no worker is started, and running
    training is not disturbed.

    Args:
        plan: The plan to show.
        hops: Name and description of each stage of a sample; "augment" is replaced by one stage
            per augmentation.
        step: The step of the batch to show.
        workers: Description of the workers.
    """
    schedule = plan.schedule
    facts = (
        f"{plan.size_text} · {counted(schedule.num_batches, 'batch')} of "
        f"{schedule.batch_size} · seed {schedule.seed}"
    )
    batch = _batch(plan, step)
    end = note(f"workers: {workers}")
    return card("ImageSequence", facts, _chain(hops, plan.pipeline), *batch, end)


def _chain(hops: Sequence[tuple[str, str]], pipeline: Pipeline) -> Markup:
    parts: list[Markup] = []
    for name, text in hops:
        boxes = _steps(pipeline) if name == "augment" else [_hop(name, text)]
        for box in boxes:
            parts += [element("span", "→", class_="augseq-arrow")] * bool(parts) + [box]
    return element("div", *parts, class_="augseq-chain")


def _steps(pipeline: Pipeline) -> Iterator[Markup]:
    for step in pipeline.augment.details:
        yield _hop(step.name, step.settings, kind="augseq-hop augseq-step")


def _hop(name: str, text: str, *, kind: str = "augseq-hop") -> Markup:
    description = element("span", shortened(text, _MOST_CHARACTERS))
    return element("div", element("b", name), description, class_=kind, title=text)


def _batch(plan: BatchPlan, step: Step) -> list[Markup]:
    if step.batch >= plan.schedule.num_batches_of(step.epoch):
        return [note("The epoch is over.")]
    turns = plan.turns(step).own
    records = [turn.record for turn in turns]
    shown = records[:MOST_FIGURES]
    class_names = plan.manifest.class_names

    def look(turn: Turn) -> tuple[SampleLook, str]:
        sample = plan.sample(turn.record, step.epoch, turn.repeat)
        return look_at_sample(sample).shrunk(SIDE_PX), sample_title(sample, class_names)

    loaded = load_within(turns[:MOST_FIGURES], look, limit_s=_LIMIT_S)
    looks = [one if isinstance(one, str) else one[0] for one in loaded]
    title = f"Batch {step.batch} of epoch {step.epoch}, {len(shown)} of {len(records)} images:"
    names = [
        record_title(record, class_names) if isinstance(one, str) else one[1]
        for record, one in zip(shown, loaded, strict=True)
    ]
    return [note(title), *figures_html(looks, names, [str(record) for record in shown])]
