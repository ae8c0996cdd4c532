"""All tables and their rows: which contenders are compared on what."""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

Kind = Literal["passes", "waiting", "fit", "index", "memory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One contender in a table.

    Attributes:
        label: Name in the table.
        contender: Module in `contenders`; for indexing, a name in `indexing.INDEXERS`.
        options: Options of the contender, in addition to the job.
        backend: Keras' backend.
        workers: Number of workers and cores; None uses the command's `--cores`.
        kind: Kind of measurement, if different from the table's.
    """

    label: str
    contender: str
    options: dict[str, Any] = field(default_factory=dict)
    backend: str = "tensorflow"
    workers: int | None = None
    kind: Kind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows that do the same work in the same rounds.

    Attributes:
        title: Title, without a full stop.
        kind: Kind of measurement.
        images: A workload of `data.py`; or "folders", "flat" or "links" of `many_files.py`.
        rows: Contenders; the first is the reference for all ratios.
        num_rounds: Runs of each row.
        num_passes: Timed passes per run; for memory, all passes.
        num_images: Number of images; None uses the workload's default.
    """

    name: str
    title: str
    kind: Kind = "passes"
    images: str = "small-jpeg"
    rows: tuple[Row, ...]
    num_rounds: int = 3
    num_passes: int = 2
    batch_size: int = 64
    dtype: Literal["uint8", "float32"] = "uint8"
    num_images: int | None = None

    @property
    def reference(self) -> str:
        """Label of the row with ratio 1."""
        return self.rows[0].label


_augseq = partial(Row, contender="augseq_sequence")
_pydataset = partial(Row, contender="plain_pydataset")

AUGSEQ = _augseq(label="augseq")
TF_DATA = Row(label="tf.data, tuned", contender="tf_data")
TORCH = Row(label="torch DataLoader, OpenCV", contender="torch_dataloader", backend="torch")
TORCH_PILLOW = Row(
    label="torch DataLoader, Pillow",
    contender="torch_dataloader",
    options={"decoder": "pillow"},
    backend="torch",
)
GRAIN = Row(label="Grain, OpenCV", contender="grain_loader", backend="jax")
DALI = Row(label="DALI on the CPU", contender="dali_pipeline")
DIRECTORY = Row(
    label="image_dataset_from_directory, Keras layers", contender="image_dataset_from_directory"
)
THREADS = _pydataset(label="plain PyDataset, threads")
PROCESSES = _pydataset(
    label="plain PyDataset, multiprocessing", options={"use_multiprocessing": True}
)
AUGSEQ_PROCESSES = _augseq(label="augseq, processes", options={"worker_kind": "processes"})
AUGSEQ_THREADS = _augseq(label="augseq, threads", options={"worker_kind": "threads"})
AUGSEQ_RAY = _augseq(label="augseq, Ray", options={"worker_kind": "ray"})
AUGSEQ_FULL = _augseq(label="augseq, full-size decoding", options={"scaled_decode": False})

_PEERS = (TORCH, TORCH_PILLOW, GRAIN, DALI)


def all_tables(num_cores: int) -> tuple[Table, ...]:
    return (
        *_first_epochs(),
        *_caches(),
        *_fits(),
        _scaling(num_cores),
        _worker_kinds("uint8"),
        _worker_kinds("float32"),
        _waiting(2),
        _waiting(10),
        *_indexes(),
        *_memories(),
    )


def _first_epochs() -> tuple[Table, ...]:
    return (
        Table(
            name="small-jpeg",
            title="Web-sized JPEG files, first epoch, uint8",
            rows=(
                *[TF_DATA, AUGSEQ, AUGSEQ_THREADS],
                _augseq(label="augseq, without TensorFlow", backend="torch"),
                *[*_PEERS, DIRECTORY, THREADS, PROCESSES],
            ),
        ),
        _as_it_comes(),
        Table(
            name="float32",
            title="Web-sized JPEG files, first epoch, normalised float32",
            rows=(TF_DATA, AUGSEQ, *_PEERS, DIRECTORY, THREADS),
            dtype="float32",
            num_rounds=2,
        ),
        _photos("photo-2048", "Photographs of 2048 px", batch_size=16),
        _photos("photo-12mp", "Photographs of 12 megapixels", batch_size=4),
        Table(
            name="png",
            title="PNG files, first epoch, uint8",
            images="png",
            rows=(TF_DATA, AUGSEQ, *_PEERS),
            num_rounds=2,
        ),
        _masks(),
    )


def _as_it_comes() -> Table:
    """Return a table of all contenders with no option set that is only about speed."""
    plain = {"as_it_comes": True}
    peers = [(TF_DATA, "tf.data"), (TORCH, "torch DataLoader"), (GRAIN, "Grain")]
    return Table(
        name="as-it-comes",
        title="Web-sized JPEG files, first epoch, uint8, without any option for speed",
        rows=(
            *[TF_DATA, AUGSEQ],
            *[replace(row, label=f"{name}, as it comes", options=plain) for row, name in peers],
            _pydataset(label="plain PyDataset, as it comes", options=plain),
            DIRECTORY,
        ),
        num_rounds=2,
        num_passes=1,
    )


def _masks() -> Table:
    """Return a table of images with masks, against the same images without."""
    processes = AUGSEQ_PROCESSES.options
    return Table(
        name="masks",
        title="Web-sized JPEG files with PNG masks, first epoch, uint8",
        rows=(
            _augseq(label="augseq, processes, without masks", options=processes),
            Row(label="augseq, processes", contender="augseq_masks", options=processes),
            Row(
                label="augseq, threads",
                contender="augseq_masks",
                options=AUGSEQ_THREADS.options,
            ),
            Row(label=TORCH.label, contender="torch_masks", backend="torch"),
        ),
    )


def _cached_masks() -> Table:
    """Return a table of cached images with cached masks, against the same without a cache."""
    memory = {"cache": "memory"}
    return Table(
        name="cached-masks",
        title="Web-sized JPEG files with PNG masks, later epochs from a cache, uint8",
        rows=(
            Row(label="augseq, no cache", contender="augseq_masks"),
            Row(label="augseq, cache in memory", contender="augseq_masks", options=memory),
            _augseq(label="augseq, cache in memory, without masks", options=memory),
        ),
        num_passes=4,
    )


def _photos(name: str, what: str, batch_size: int) -> Table:
    # Small batches: at the end of a pass one worker can wait for another's last batch, and a pass
    # has few photographs.
    return Table(
        name=name,
        title=f"{what}, first epoch, uint8",
        images=name,
        rows=(TF_DATA, AUGSEQ, AUGSEQ_FULL, *_PEERS),
        num_rounds=2,
        num_passes=1,
        batch_size=batch_size,
    )


def _caches() -> tuple[Table, ...]:
    uncached = _augseq(label="augseq, no cache")
    memory, folder = {"cache": "memory"}, {"cache": "folder"}
    threads = AUGSEQ_THREADS.options
    capped = {"cache": "folder", "shorter_side_px": 512}
    return (
        Table(
            name="cached",
            title="Web-sized JPEG files, later epochs from a cache of decoded pixels",
            rows=(
                uncached,
                _augseq(label="augseq, cache in memory", options=memory),
                _augseq(label="augseq, cache in memory, threads", options=memory | threads),
                _augseq(label="augseq, cache in a folder", options=folder),
                Row(label="tf.data, cache in memory", contender="tf_data", options={"cache": True}),
            ),
            num_passes=4,
        ),
        Table(
            name="cached-12mp",
            title="Photographs of 12 megapixels, later epochs from a cache of decoded pixels",
            images="photo-12mp",
            rows=(
                uncached,
                _augseq(label="augseq, cache in a folder", options=folder),
                _augseq(label="augseq, cache at 512 px", options=capped),
            ),
            num_rounds=2,
            num_passes=1,
            batch_size=4,
        ),
        _cached_masks(),
    )


def _fits() -> tuple[Table, ...]:
    return (
        _fit("tensorflow", TF_DATA, DIRECTORY),
        _fit("jax", GRAIN),
        _fit("torch", TORCH),
    )


def _fit(backend: str, *peers: Row) -> Table:
    """Return a table of training a model that does no work, epoch boundaries included."""
    return Table(
        name=f"fit-{backend}",
        title=f"Web-sized JPEG files inside `fit` on {backend}, boundaries of epochs included",
        kind="fit",
        rows=(
            _augseq(label="augseq, no fit", backend=backend, kind="passes"),
            _augseq(label="augseq", backend=backend),
            _augseq(label="augseq, threads", options=AUGSEQ_THREADS.options, backend=backend),
            _pydataset(label=THREADS.label, backend=backend),
            _pydataset(label=PROCESSES.label, options=PROCESSES.options, backend=backend),
            *peers,
        ),
        num_rounds=2,
    )


def _scaling(num_cores: int) -> Table:
    counts = [n for n in (1, 2, 4, 8, 16, 32, 64) if n < num_cores] + [num_cores]
    families = (AUGSEQ_THREADS, AUGSEQ_PROCESSES, TF_DATA, TORCH)
    return Table(
        name="scaling",
        title="Web-sized JPEG files, by number of workers, each with a core",
        rows=tuple(
            replace(row, label=f"{row.label}: {n}", workers=n) for row in families for n in counts
        ),
        num_rounds=2,
    )


def _worker_kinds(dtype: Literal["uint8", "float32"]) -> Table:
    """Return a table of the kinds of workers; Ray's are on one node, on this machine."""
    return Table(
        name=f"worker-kinds-{dtype}",
        title=f"Web-sized JPEG files, first epoch, {dtype}, by kind of workers",
        rows=(AUGSEQ_PROCESSES, AUGSEQ_THREADS, AUGSEQ_RAY),
        dtype=dtype,
    )


def _waiting(wait_ms: int) -> Table:
    """Return a table of a decoder that waits, so that more workers than cores are busy."""
    return Table(
        name=f"waiting-{wait_ms}ms",
        title=f"By number of workers, with a decoder that waits {wait_ms} ms and needs no core",
        kind="waiting",
        rows=tuple(
            Row(
                label=f"augseq, {kind}: {n}",
                contender="augseq_waiting",
                options={"wait_ms": wait_ms, "workers": n, "worker_kind": kind},
            )
            for kind in ("threads", "processes")
            for n in (1, 2, 4, 8, 16)
        ),
        num_rounds=1,
        num_passes=1,
        batch_size=16,
    )


def _indexes() -> tuple[Table, ...]:
    rows = (
        Row(label="Keras' own index", contender="keras"),
        Row(label="augseq.index_folder", contender="augseq"),
        Row(label="os.scandir, names only", contender="scandir"),
    )
    index = partial(
        Table, kind="index", rows=rows, num_rounds=2, num_passes=1, num_images=1_000_000
    )
    return (
        index(name="index", title="Index of 10⁶ files in 1000 class folders", images="folders"),
        index(name="index-flat", title="Index of 10⁶ files in one folder", images="flat"),
    )


def _memories() -> tuple[Table, ...]:
    memory = partial(Table, kind="memory", num_rounds=1)
    peers = (TORCH, GRAIN, PROCESSES)
    return (
        memory(
            name="memory",
            title="Memory in an epoch of 1000 web-sized JPEG files",
            rows=(AUGSEQ, AUGSEQ_PROCESSES, *peers),
            num_passes=1,
        ),
        memory(
            name="memory-million",
            title="Memory with 10⁶ records",
            images="links",
            rows=(AUGSEQ, AUGSEQ_PROCESSES, *peers),
            num_passes=1,
            num_images=1_000_000,
        ),
        memory(
            name="memory-epochs",
            title="Memory after 100 epochs of 64 images, and its growth since the fiftieth",
            rows=(AUGSEQ, AUGSEQ_PROCESSES, TORCH),
            num_passes=100,
            batch_size=16,
            num_images=64,
        ),
    )
