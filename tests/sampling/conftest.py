"""Settings of the property tests of this room."""

from hypothesis import settings

# A busy machine is slow, not wrong; a hang ends by the timeout that every test has.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
