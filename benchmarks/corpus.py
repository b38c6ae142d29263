"""Prepared answers to our orders document: bytes on disk, made before any clock starts. `replay` serves them."""

import hashlib
import json
import mmap
import shutil
import tempfile
from array import array
from bisect import bisect_left, bisect_right
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from graphql import (
    REMOVE,
    FieldNode,
    GraphQLObjectType,
    OperationDefinitionNode,
    SelectionSetNode,
    Visitor,
    print_ast,
    visit,
)

from benchmarks import rendering, shop
from centra_assets.centra.documents import operation_named, parsed
from centra_assets.centra.schema import bundled_schema
from centra_assets.entities.orders import ORDERS

CACHE = Path(__file__).parent.parent / ".centra" / "bench"
OPERATION = "OrderConnection"
_CONNECTION = "orderConnection"


@cache
def document_text() -> str:
    """Our own orders operation as an instance without custom attributes is asked; every contender sends it."""
    dropped = ORDERS.attribute_paths

    class WithoutAttributes(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> object:
            return REMOVE if (node.alias or node.name).value in dropped else None

    return print_ast(visit(operation_named(parsed(ORDERS.document_text()), OPERATION), WithoutAttributes()))


@dataclass(frozen=True)
class Page:
    """A page's place among the prepared orders, and its body."""

    body: bytes
    orders: int


class Corpus:
    """Orders sorted by creation, each the bytes `{"node":{...}}`, side by side in one mapped file.

    A page is one slice of that file between a head and a tail, so that serving costs next to nothing.
    """

    def __init__(self, folder: Path) -> None:
        self.truth = shop.Truth(**json.loads((folder / "truth.json").read_text()))
        # Element i: where order i begins, and when it was created. The last offset is the end of the file.
        self._offsets, self._created = array("Q"), array("q")
        self._offsets.frombytes((folder / "offsets").read_bytes())
        self._created.frombytes((folder / "created").read_bytes())
        with (folder / "edges").open("rb") as stream:
            self._edges = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)

    def page(self, *, start: datetime, end: datetime, first: int, after: str | None, complexity: int) -> Page:
        """Up to `first` orders created from `start` to `end`, both included, that follow the cursor `after`."""
        low = bisect_left(self._created, int(start.timestamp()))
        high = bisect_right(self._created, int(end.timestamp()))
        begin = low if after is None else max(low, int(after))
        stop = min(begin + first, high)
        more, cursor = json.dumps(stop < high), json.dumps(str(stop) if stop > begin else None)
        head = (
            f'{{"data":{{"{_CONNECTION}":{{"totalCount":{high - low},'
            f'"pageInfo":{{"hasNextPage":{more},"endCursor":{cursor}}},"edges":['
        )
        extensions = {"complexity": complexity, "permissionsUsed": ["Order:read"], "appVersion": "v1.60.0"}
        tail = f']}}}},"extensions":{json.dumps(extensions)}}}'
        edges = self._edges[self._offsets[begin] : self._offsets[stop] - 1] if stop > begin else b""
        return Page(b"".join([head.encode(), edges, tail.encode()]), stop - begin)


def prepare(orders: int, seed: int = 1) -> Path:
    """The folder of a corpus of so many orders; made once per size, seed and code."""
    text = document_text()
    makers = b"".join(Path(module.__file__ or "").read_bytes() for module in (rendering, shop))
    identity = hashlib.sha256(text.encode() + makers + f"{orders} {seed}".encode()).hexdigest()[:12]
    folder = CACHE / f"orders-{orders}-{identity}"
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=CACHE))
        try:
            _write(aside, text, orders, seed)
            aside.rename(folder)
        except OSError:
            # Another process was faster; its corpus is the same.
            shutil.rmtree(aside)
            if not folder.exists():
                raise
    return folder


def _write(folder: Path, text: str, orders: int, seed: int) -> None:
    node = _node_selection(operation_named(parsed(text), OPERATION))
    renderer = rendering.Renderer(bundled_schema())
    by_type: dict[str, rendering.Render] = {}
    for name in ("DirectToConsumerOrder", "WholesaleOrder"):
        kind = bundled_schema().type_map[name]
        assert isinstance(kind, GraphQLObjectType)
        by_type[name] = renderer.object(kind, [node])
    truth, offsets, created, place = shop.Truth(), array("Q", [0]), array("q"), 0
    with (folder / "edges").open("wb") as stream:
        for position, order in enumerate(shop.orders(orders, seed)):
            # The separator belongs to each order, the last of a page's is cut off.
            place += stream.write(f'{{"node":{by_type[order["__typename"]](order)}}},'.encode())
            offsets.append(place)
            created.append(int(shop.created_at(position, orders).timestamp()))
            truth.count(order)
    (folder / "offsets").write_bytes(offsets.tobytes())
    (folder / "created").write_bytes(created.tobytes())
    (folder / "truth.json").write_text(json.dumps(asdict(truth)))


def _node_selection(operation: OperationDefinitionNode) -> SelectionSetNode:
    """What the operation selects of one order. Fails when the operation no longer asks in the way we answer."""
    selection = operation.selection_set
    path = []
    for name in (_CONNECTION, "edges", "node"):
        found = {it.name.value: it for it in selection.selections if isinstance(it, FieldNode)}
        path.append(sorted(found))
        inner = found[name].selection_set
        assert inner is not None
        selection = inner
    assert path == [[_CONNECTION], ["edges", "pageInfo", "totalCount"], ["node"]], path
    return selection
