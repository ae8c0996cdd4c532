"""One file per contender, each what its own users would call good use.

A contender is a module with a function `epochs(job, **options)`, which yields one iterator of
`(images, labels)` for each epoch, without end. `ONCE_PER_EPOCH` says whether an epoch has each
image exactly once; an endless stream is cut into epochs by counting batches, so its full batches
reach across the border. `fit_arguments(job, **options)`, where there is one, returns what
`model.fit` takes. Which options a contender knows stands in its signature; what it cannot do
here, it answers with `work.UnavailableError`.
"""
