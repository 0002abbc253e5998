"""x"""


def cases(target):
    """None yet."""
    return []
