"""Tables of numbers and verdicts on targets, as plain text."""


def table(title, columns, rows):
    """The lines of a table. A row is (name, [cell, ...]), cells are strings."""
    width = max([len(name) for name, _ in rows] + [9])
    widths = [max([len(column)] + [len(cells[i]) for _, cells in rows]) + 2
              for i, column in enumerate(columns)]
    lines = [title, " " * width + "".join(f"{c:>{w}}" for c, w in zip(columns, widths))]
    lines += [f"{name:<{width}}" + "".join(f"{c:>{w}}" for c, w in zip(cells, widths))
              for name, cells in rows]
    return lines


def verdict(name, reached, limit, unit, digits=2):
    """One target: what was reached, and whether that is within `limit`."""
    good = reached <= limit
    gap = "" if good else f" by {reached - limit:.{digits}f}"
    return {"target": name, "limit": limit, "reached": round(reached, 6), "unit": unit, "met": good,
            "text": f"  {name}: at most {limit:g} {unit}, reached {reached:.{digits}f}: "
                    f"{'pass' if good else 'fell short'}{gap}"}
