"""Which record and augmentation each thread works on, for errors about threads that hang.

Global, unlike everything else: a thread that hangs cannot be asked, so the one that waits for it
must find the note without an argument that went through the user's code.
"""

import threading

NO_RECORD = -1
NUM_BYTES = 16


class _ProgressNote(threading.local):
    """The note of this thread; all that is written for a sample costs 0.3 microseconds.

    Attributes:
        note: Two numbers in memory that others read: the index of the record, and the number of
            the augmentation, from 1, or 0 where it is read, decoded or resized.
    """

    def __init__(self) -> None:
        self.note = memoryview(bytearray(NUM_BYTES)).cast("q")


THIS_THREAD = _ProgressNote()
