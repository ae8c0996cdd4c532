"""One file per contender, each following the recommendations of its library.

A contender is a module with a function `epochs(job, **options)`, which yields one iterator of
`(images, labels)` per epoch, without end. `ONCE_PER_EPOCH` is True if an epoch has each image
exactly once; an endless stream is cut into epochs by counting batches, so its full batches cross
the boundary. An optional `fit_arguments(job, **options)` returns the arguments of `model.fit`. The
signatures define the options. A contender raises `work.UnavailableError` for a job that it cannot
do.
"""
