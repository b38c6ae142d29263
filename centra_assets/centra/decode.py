"""Bytes into pages, payloads into structs, quickly and exactly. The types themselves are made in response_types.py."""

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import msgspec
import polars as pl

from centra_assets.centra.documents import Paging, Shape, Step
from centra_assets.centra.errors import ResponseShapeError
from centra_assets.centra.nested import LimitedList
from centra_assets.centra.response_types import ResponseType

# A record as Python objects, every number exact, and back.
exact_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)
exact_encoder = msgspec.json.Encoder(decimal_format="number")


class AnswerError(msgspec.Struct):
    """One entry of `errors`."""

    message: str = ""
    path: list[str | int] | None = None
    extensions: dict[str, Any] | None = None


class Extensions(msgspec.Struct):
    """What we read of the top-level `extensions`."""

    complexity: int | None = None


class Envelope(msgspec.Struct):
    """A GraphQL answer. Subtypes made by `envelope_decoder` give `data` its type."""

    data: Any = None
    errors: list[AnswerError] | None = None
    extensions: Extensions | None = None


def envelope_decoder(data_type: Any) -> msgspec.json.Decoder[Envelope]:
    """A decoder for answers whose `data` has that type; floats without a type become decimals."""
    typed = msgspec.defstruct("TypedEnvelope", [("data", data_type | None, None)], bases=(Envelope,))
    return msgspec.json.Decoder(typed, float_hook=Decimal)


@dataclass(frozen=True)
class PageBody:
    """The records of one answer, undecoded, with what paging needs to know."""

    ids: list[str]
    updated_at: list[str | None]
    created_at: list[str | None]
    payloads: list[str]
    # Places of the records in which a nested list has reached its limit.
    full: list[int]
    total_count: int | None = None
    end_cursor: str | None = None
    has_next: bool = False
    # Elements in the longest of the paged lists: fewer than asked for means the end.
    longest: int = 0


@dataclass(frozen=True)
class HeadKeys:
    """The response keys read from every record.

    `record_id` may be a dotted path, for objects that only carry another one's id; empty, for objects without any,
    the id is a digest of the payload.
    """

    record_id: str
    updated_at: str | None = None
    created_at: str | None = None


class PageReader:
    """Splits the answers to one operation into records. Built once, used for every page."""

    def __init__(self, shape: Shape, keys: HeadKeys, limited: Sequence[LimitedList] = ()) -> None:
        self._shape = shape
        self._limited = limited
        self._has_ids = keys.record_id != ""
        self.decoder = envelope_decoder(_data_type(shape))
        self._heads = msgspec.json.Decoder(_head_type(keys, limited))

    def split(self, data: Any) -> PageBody:
        """The page in a decoded answer's `data`."""
        first = self._shape.path[0]
        if data is None or (first.is_list and data.inner is None):
            # A list that is missing must not pass for an empty one.
            raise ResponseShapeError(f"The answer has no {first.key}.")
        containers = list(_containers(data, self._shape.path))
        if self._shape.paging is Paging.CONNECTION:
            if len(containers) != 1:
                raise ResponseShapeError(f"The answer has {len(containers)} connections where one was asked for.")
            connection = containers[0]
            return self._page(
                [edge.node for edge in connection.edges],
                total_count=connection.totalCount,
                end_cursor=connection.pageInfo.endCursor,
                has_next=connection.pageInfo.hasNextPage,
            )
        if self._shape.path[-1].is_list:
            longest = max((len(container) for container in containers), default=0)
            return self._page([node for container in containers for node in container], longest=longest)
        return self._page(containers)

    def _page(self, nodes: Sequence[msgspec.Raw], **paging: Any) -> PageBody:
        page = PageBody([], [], [], [], [], **paging)
        for node in nodes:
            payload = str(memoryview(node), "utf-8")
            if payload == "null":
                continue
            head = self._heads.decode(node)
            record_id = _identity(head) if self._has_ids else _digest(node)
            if record_id is None:
                raise ResponseShapeError("A record came without its id.")
            if self._limited and any(_is_full(head, limited.steps, limited.limit) for limited in self._limited):
                page.full.append(len(page.ids))
            page.ids.append(str(record_id))
            page.updated_at.append(head.updated_at)
            page.created_at.append(head.created_at)
            page.payloads.append(payload)
        return page


class _PageInfo(msgspec.Struct):
    hasNextPage: bool = False
    endCursor: str | None = None


class _Edge(msgspec.Struct):
    node: msgspec.Raw


class _Connection(msgspec.Struct):
    pageInfo: _PageInfo
    edges: list[_Edge]
    totalCount: int | None = None


_NULL = msgspec.Raw(b"null")


def _data_type(shape: Shape) -> Any:
    """The type of `data`: structs along the path, raw JSON from the record on."""
    last = shape.path[-1]
    if shape.paging is Paging.CONNECTION:
        inner: Any = _Connection
    else:
        inner = list[msgspec.Raw] if last.is_list else msgspec.Raw
    for place, step in reversed(list(enumerate(shape.path))):
        # Raw takes no part in unions; a null record is raw JSON like any other.
        default = (inner, _NULL) if inner is msgspec.Raw else (inner | None, None)
        outer = msgspec.defstruct("Data", [("inner", *default)], rename={"inner": step.key})
        inner = list[outer] if place and shape.path[place - 1].is_list else outer  # type: ignore[valid-type]
    return inner


def _containers(here: Any, path: Sequence[Step]) -> Iterator[Any]:
    """What hangs at the end of the path: raw records, lists of them, or a connection."""
    inner = None if here is None else here.inner
    if inner is None:
        return
    if len(path) == 1:
        yield inner
    elif path[0].is_list:
        for element in inner:
            yield from _containers(element, path[1:])
    else:
        yield from _containers(inner, path[1:])


def _head_type(keys: HeadKeys, limited: Sequence[LimitedList]) -> Any:
    """Only what is read of every record; msgspec skips the rest. Limited lists are held as raw elements."""
    first, *deeper = keys.record_id.split(".")
    identity: Any = int | str | None
    for step in reversed(deeper):
        identity = msgspec.defstruct("Holder", [("record_id", identity, None)], rename={"record_id": step}) | None
    fields: list[Any] = [("record_id", identity, None)]
    # As below: with an empty key the field stays null.
    rename = {"record_id": first or "-record_id"}
    for name, key in (("updated_at", keys.updated_at), ("created_at", keys.created_at)):
        if key is None:
            # A key that no GraphQL answer can have: the field stays null.
            key = f"-{name}"
        fields.append((name, str | None, None))
        rename[name] = key
    return _level("Head", [limit.steps for limit in limited], fields, rename)


def _identity(head: Any) -> int | str | None:
    """The id at the end of its path."""
    value: int | str | msgspec.Struct | None = head.record_id
    while isinstance(value, msgspec.Struct):
        value = getattr(value, "record_id", None)
    return value


def _digest(node: msgspec.Raw) -> str:
    return blake2b(memoryview(node), digest_size=16).hexdigest()


def _level(
    name: str, paths: Sequence[Sequence[Step]], fields: list[Any], rename: dict[str, str]
) -> type[msgspec.Struct]:
    below: dict[Step, list[Sequence[Step]]] = {}
    for path in paths:
        below.setdefault(path[0], []).append(path[1:])
    for step, rests in below.items():
        inner: Any = msgspec.Raw
        deeper = [rest for rest in rests if rest]
        if deeper:
            inner = _level("Nested", deeper, [], {}) | None
        fields.append((f"list_{step.key}", (list[inner] if step.is_list else inner) | None, None))
        rename[f"list_{step.key}"] = step.key
    return msgspec.defstruct(name, fields, rename=rename)


def _is_full(here: Any, steps: Sequence[Step], limit: int) -> bool:
    value = getattr(here, f"list_{steps[0].key}")
    if value is None:
        return False
    if len(steps) == 1:
        return len(value) >= limit
    if steps[0].is_list:
        return any(_is_full(element, steps[1:], limit) for element in value if element is not None)
    return _is_full(value, steps[1:], limit)


@dataclass(frozen=True)
class Decoded:
    """Structs in the order of the payloads; null where a payload was null or could not be read (its place is told)."""

    records: pl.Series
    undecodable: list[int]


# Small batches stay in the processor's cache: a third less work than one large one. Polars lets go of the
# interpreter's lock meanwhile, so batches run side by side.
_ROWS_PER_BATCH = 400


def decode_records(payloads: pl.Series, response: ResponseType) -> Decoded:
    """Decodes JSON texts into structs of the response's type, numbers of type Float exactly, as text.

    A payload that does not fit the type fails alone.
    """
    wire = _wire_type(response.dtype, response.float_keys)
    texts = payloads.cast(pl.String)
    starts = range(0, len(texts), _ROWS_PER_BATCH)

    def batch(start: int) -> tuple[pl.Series, list[int]]:
        undecodable: list[int] = []
        quoted = _quoted(texts.slice(start, _ROWS_PER_BATCH), response.float_keys)
        return _decoded(quoted, wire, start, undecodable), undecodable

    if len(starts) > 1:
        with ThreadPoolExecutor(pl.thread_pool_size()) as threads:
            parts = list(threads.map(batch, starts))
    else:
        parts = [batch(start) for start in starts]
    records = pl.concat([part for part, _ in parts], rechunk=True) if parts else pl.Series([], dtype=wire)
    if wire != response.dtype:
        records = records.cast(response.dtype)
    return Decoded(records.alias("record"), [place for _, undecodable in parts for place in undecodable])


def _decoded(batch: pl.Series, wire: pl.DataType, start: int, undecodable: list[int]) -> pl.Series:
    """Halves a batch that fails until what fails is a single payload."""
    try:
        return batch.str.json_decode(wire)
    except pl.exceptions.PolarsError:
        if len(batch) == 1:
            undecodable.append(start)
            return pl.Series(batch.name, [None], dtype=wire)
    half = len(batch) // 2
    first = _decoded(batch.head(half), wire, start, undecodable)
    return pl.concat([first, _decoded(batch.tail(len(batch) - half), wire, start + half, undecodable)])


def _quoted(payloads: pl.Series, float_keys: Collection[str]) -> pl.Series:
    """Puts quotes around the numbers of type Float, so that they are never read as floats.

    A key can only be found where it is one: inside a JSON text its quotes would be escaped.
    """
    if not float_keys:
        return payloads
    keys = "|".join(sorted(float_keys))
    return payloads.str.replace_all(rf'("(?:{keys})":\s*)(-?\d[\d.eE+-]*)', '$1"$2"')


def _wire_type(dtype: pl.DataType, float_keys: Collection[str], key: str = "") -> Any:
    """The type after quoting: an Int that shares its key with a Float arrives as text, too."""
    if isinstance(dtype, pl.Struct):
        return pl.Struct({inner.name: _wire_type(inner.dtype, float_keys, inner.name) for inner in dtype.fields})  # type: ignore[arg-type]
    if isinstance(dtype, pl.List):
        return pl.List(_wire_type(dtype.inner, float_keys, key))  # type: ignore[arg-type]
    return pl.String() if dtype == pl.Int64 and key in float_keys else dtype
