"""What the libraries below us do, observed on the installed versions.

A failure here is news about a library and not a bug of ours: read the test's name, look which
of our decisions rests on it, and change both.
"""
