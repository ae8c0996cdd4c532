"""Stands in for torch in programs that do not need it, and cannot be imported.

Albumentations imports torch, where it is installed: that takes seconds in each process.
"""

raise ModuleNotFoundError("hidden from this program", name="torch")
