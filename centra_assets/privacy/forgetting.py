"""Forgets people: takes the steps of requests in an order that survives being interrupted. Erases nothing itself."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from psycopg import Cursor
from psycopg.rows import TupleRow

from centra_assets.entities.model import Entity
from centra_assets.errors import CentraAssetsError
from centra_assets.privacy import requests
from centra_assets.privacy.deliveries import erase_in_deliveries
from centra_assets.privacy.erasing import erase_in_inbox, erase_in_lake, erase_in_tables
from centra_assets.privacy.errors import ForgettingBusyError, UnknownPersonError
from centra_assets.privacy.finding import LINKED, Finder
from centra_assets.privacy.forgotten import listed, remember
from centra_assets.privacy.holdings import Holdings
from centra_assets.privacy.links import Reference, named, part_of, people
from centra_assets.privacy.requests import Request
from centra_assets.storage.lake import Lake, LakeFile
from centra_assets.storage.locks import LAKE_UPKEEP, alone
from centra_assets.storage.warehouse import Warehouse

FIND, INBOX = "find", "inbox"

T = TypeVar("T")

_ANONYMISED = """
SELECT id FROM core.customers c WHERE is_anonymized
  AND NOT EXISTS (SELECT FROM ops.forgotten f WHERE f.kind = 'customer' AND f.reference = c.id::text)
ORDER BY id LIMIT %s
"""


_LOADED = """
SELECT max(id) AS newest, coalesce(bool_or(inserted + updated > 0), false) AS is_change FROM ops.load_log
WHERE entity = 'customers' AND id > %s
"""


@dataclass(frozen=True)
class Plan:
    """What forgetting would touch: records by entity, and people who share an e-mail address with one of them."""

    records: Mapping[str, int]
    others: Sequence[Reference]


@dataclass
class Forgetting:
    """The forgetting of people in one lake and one database.

    `interrupt` is called after each rewritten file and each step, for tests that break off there.
    """

    lake: Lake
    warehouse: Warehouse
    url: str
    run_id: str = ""
    interrupt: Callable[[str], None] = field(default=lambda _: None)

    def unknown(self, customer_ids: Collection[int] = (), *, buyer_ids: Collection[int] = ()) -> list[Reference]:
        """Those of these people of whom nothing is known here. Changes nothing."""
        return Finder(self.lake, self.warehouse).unknown(people(customer_ids, buyer_ids))

    def plan(self, customer_ids: Collection[int] = (), *, buyer_ids: Collection[int] = ()) -> Plan:
        """What a request for these people would be about. Changes nothing. Raises ForgetRequestError."""
        requests.check_people(customer_ids, buyer_ids)
        found = Finder(self.lake, self.warehouse).find(people(customer_ids, buyer_ids))
        return Plan({name: len(ids) for name, ids in found.records.items()}, sorted(found.others))

    def ask(
        self,
        customer_ids: Collection[int] = (),
        *,
        buyer_ids: Collection[int] = (),
        by: str,
        reason: str = "asked for",
        even_unknown: bool = False,
    ) -> int:
        """Makes a request; from now on nothing of these people comes in as it is. Returns its number.

        Raises ForgetRequestError; and UnknownPersonError for an id of which nothing is known here, unless that is
        meant: Centra may give it to somebody else some day, who would come in without a name.
        """
        requests.check_people(customer_ids, buyer_ids)
        requests.check_by(by)
        strangers = [] if even_unknown else self.unknown(customer_ids, buyer_ids=buyer_ids)
        if strangers:
            raise UnknownPersonError(f"Nothing is known here of {named(strangers)}.")
        return self._transact(
            requests.open_request,
            customer_ids=customer_ids,
            buyer_ids=buyer_ids,
            by=by,
            reason=reason,
            run_id=self.run_id,
        )

    def anonymised(self, limit: int) -> list[int]:
        """Customers whom Centra has anonymised and who were not forgotten here yet."""
        known = self.warehouse.query("SELECT to_regclass('core.customers') IS NOT NULL AS known")["known"][0]
        return self.warehouse.query(_ANONYMISED, [limit])["id"].to_list() if known else []

    def customers_loaded(self, since: int) -> tuple[int, bool]:
        """The newest load of customers, and whether one after the load `since` has changed any.

        Loads of one entity follow each other, so a smaller number never appears later.
        """
        ((newest, is_change),) = self.warehouse.query(_LOADED, [since]).rows()
        return (since if newest is None else int(newest)), bool(is_change)

    def carry_out(self) -> list[Request]:
        """Takes all steps that are due; returns the requests as they are then.

        What fails is noted and stays due. Raises ForgettingBusyError where somebody else rewrites the lake just now,
        and the first failure after every request was tried.
        """
        failure: CentraAssetsError | None = None
        with alone(self.url, LAKE_UPKEEP) as is_alone:
            # Not before: until then somebody else may be taking the same steps.
            waiting = self.warehouse.transact(requests.due)
            if waiting and not is_alone:
                raise ForgettingBusyError("Somebody else is at work on the lake's files.")
            if waiting:
                self.lake.clear_leftovers()
            for request in waiting:
                try:
                    self._look_again(request) if request.state == "done" else self._take_steps(request)
                except CentraAssetsError as error:
                    self._transact(requests.fail, number=request.id, run_id=self.run_id, code=error.code)
                    failure = failure or error
        if failure is not None:
            raise failure
        return [self._transact(requests.request, number=request.id) for request in waiting]

    def _take_steps(self, request: Request) -> None:
        """Raw before core: whatever loads core from raw in between brings nothing back."""
        self._transact(requests.begin, number=request.id, run_id=self.run_id)
        if FIND not in request.steps:
            self._find(request)
        records = self._transact(requests.records_of, number=request.id)
        for entity in LINKED:
            ids = records.get(entity.name, [])
            for step, work in ((f"raw/{entity.name}", self._raw), (f"core/{entity.name}", self._core)):
                if step not in request.steps:
                    work(request, step, entity, ids)
                    self.interrupt(step)
        if INBOX not in request.steps:
            self._inbox(request, records)
            self.interrupt(INBOX)
        self._transact(requests.finish, number=request.id, run_id=self.run_id)

    def _find(self, request: Request) -> None:
        found = Finder(self.lake, self.warehouse).find(request.people)

        def keep(cursor: Cursor[TupleRow]) -> None:
            requests.keep_records(cursor, request.id, found.records)
            remember(cursor, found.references, request.id)
            counts = {f"{name} records": len(ids) for name, ids in found.records.items()}
            counts["people with the same e-mail"] = len(found.others)
            requests.step_done(cursor, request.id, FIND, counts)

        self.warehouse.transact(keep)
        self.interrupt(FIND)

    def _raw(self, request: Request, step: str, entity: Entity, ids: Collection[str]) -> None:
        part = part_of(entity.name, request.people)
        counts = erase_in_lake(self.lake, entity, ids, self._rewritten, part=part)
        self._transact(requests.step_done, number=request.id, step=step, counts=counts)

    def _rewritten(self, file: LakeFile) -> None:
        self.interrupt(f"file of raw/{file.entity}")

    def _core(self, request: Request, step: str, entity: Entity, ids: Collection[str]) -> None:
        holdings, part = Holdings(self.warehouse), part_of(entity.name, request.people)

        def erase(cursor: Cursor[TupleRow]) -> None:
            counts = erase_in_tables(cursor, entity, ids, holdings, part=part)
            requests.step_done(cursor, request.id, step, counts)

        self.warehouse.transact(erase)

    def _inbox(self, request: Request, records: Mapping[str, Collection[str]]) -> None:
        def erase(cursor: Cursor[TupleRow]) -> None:
            emptied = sum(
                erase_in_inbox(cursor, entity.name, records.get(entity.name, ()), part=part)
                for entity in LINKED
                if (part := part_of(entity.name, request.people)) or entity.name in records
            )
            emptied += erase_in_deliveries(cursor, listed(cursor))
            requests.step_done(cursor, request.id, INBOX, {"ops.inbox": emptied})

        self.warehouse.transact(erase)

    def _look_again(self, request: Request) -> None:
        """Takes all steps once more: what was on its way when the list did not know the person has come in by now."""
        found = Finder(self.lake, self.warehouse).find(request.people)
        kept = self._transact(requests.records_of, number=request.id)
        records = {name: {*ids, *kept.get(name, [])} for name, ids in found.records.items()}
        holdings, late, files = Holdings(self.warehouse), Counter[str](), Counter[str]()
        parts = {entity.name: part_of(entity.name, request.people) for entity in LINKED}

        def rewritten(file: LakeFile) -> None:
            files.update([f"raw/{file.entity}"])

        for entity in LINKED:
            erase_in_lake(self.lake, entity, records[entity.name], rewritten, part=parts[entity.name])

        def erase(cursor: Cursor[TupleRow]) -> None:
            late.clear()
            remember(cursor, found.references, request.id)
            for entity in LINKED:
                ids, part = records[entity.name], parts[entity.name]
                late.update(erase_in_tables(cursor, entity, ids, holdings, part=part))
                late["ops.inbox"] += erase_in_inbox(cursor, entity.name, ids, part=part)
            late["ops.inbox"] += erase_in_deliveries(cursor, listed(cursor))
            requests.looked_again(cursor, request, self.run_id, +(late + files))

        self.warehouse.transact(erase)

    def _transact(self, work: Callable[..., T], **values: object) -> T:
        return self.warehouse.transact(partial(work, **values))
