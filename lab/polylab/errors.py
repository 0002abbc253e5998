"""The one exception that the lab raises for causes outside the lab's own code."""


class LabError(Exception):
    """What went wrong, in one sentence a user can act on."""
