"""PostgreSQL's column types: their full names, and which change into which without loss. Makes no change itself."""

import re

_ALIASES = {
    "int": "integer",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "bool": "boolean",
    "decimal": "numeric",
    "varchar": "character varying",
    "float4": "real",
    "float8": "double precision",
    "timestamptz": "timestamp with time zone",
    "timestamp": "timestamp without time zone",
}
_KNOWN = re.compile(r"([a-z][a-z0-9]*(?: [a-z]+)*)(?:\((\d+)(?:, ?(\d+))?\))?(\[\])?")
_WHOLE_DIGITS = {"smallint": 5, "integer": 10, "bigint": 19}


def normalised(name: str) -> str:
    """The name as PostgreSQL's `format_type` writes it. Raises ValueError for what is no type name."""
    match = _KNOWN.fullmatch(name.strip().lower())
    if match is None:
        raise ValueError(f"{name!r} is not the name of a column type")
    base, first, second, array = match.groups()
    base = _ALIASES.get(base, base)
    if base == "numeric" and first and second is None:
        second = "0"
    size = f"({first},{second})" if second is not None else f"({first})" if first else ""
    return f"{base}{size}{array or ''}"


def widens(old: str, new: str) -> bool:
    """Whether every value of the type `old` is a value of `new`, unchanged. Both names normalised.

    A date is no timestamp: which moment it would become depends on a time zone.
    """
    old_base, old_size = _parts(old)
    new_base, new_size = _parts(new)
    if old_base in _WHOLE_DIGITS:
        digits = _WHOLE_DIGITS[old_base]
        if new_base in _WHOLE_DIGITS:
            return _WHOLE_DIGITS[new_base] >= digits
        return new_base == "numeric" and (not new_size or new_size[0] - new_size[1] >= digits)
    if old_base == new_base == "numeric":
        if not old_size or not new_size:
            return not new_size
        return new_size[1] >= old_size[1] and new_size[0] - new_size[1] >= old_size[0] - old_size[1]
    if old_base == "character varying":
        if new_base == "text":
            return True
        return new_base == old_base and (not new_size or (bool(old_size) and new_size[0] >= old_size[0]))
    return (old_base, new_base) == ("real", "double precision")


def _parts(name: str) -> tuple[str, tuple[int, ...]]:
    match = _KNOWN.fullmatch(name)
    if match is None:
        return name, ()
    base, first, second, array = match.groups()
    return base + (array or ""), tuple(int(part) for part in (first, second) if part is not None)
