"""The cores of a process, and its cleanup at exit."""
