"""One file per contender, each what its own users would call good use.

A contender is a module with a function `epochs(job)`, which yields one iterator of
`(images, labels)` for each epoch, without end. `ONCE_PER_EPOCH` says whether an epoch has each
image exactly once; an endless stream is cut into epochs by counting batches, so its full batches
reach across the border. `fit_arguments(job)`, where there is one, returns what `model.fit` takes.
"""

# The first one is the reference that the others are divided by.
CONTENDERS = (
    "tf_data",
    "augseq_threads",
    "plain_pydataset",
    "plain_pydataset_multiprocessing",
    "image_dataset_from_directory",
    "torch_dataloader",
    "grain_loader",
)
REFERENCE = CONTENDERS[0]
