"""What can go wrong in storage, each with a code and a remedy. Raised by the modules beside this one."""

from collections.abc import Mapping

from centra_assets.errors import CentraAssetsError


class StorageError(CentraAssetsError):
    """Anything that the lake, the warehouse or the embedded server refuses."""

    code = "STORAGE_ERROR"


class EmbeddedServerError(StorageError):
    """The embedded PostgreSQL did not start or stop."""

    code = "STORAGE_EMBEDDED_SERVER"
    remedy = "Read server.log in the server's folder, or point CENTRA_DATABASE_URL at a server of your own."


class SchemaChangeRefusedError(StorageError):
    """A table in the database differs from its contract in a way that could lose data."""

    code = "STORAGE_SCHEMA_CHANGE_REFUSED"
    remedy = "Write a migration that moves the data, or rename the column in the contract; then prepare again."


class CollapseError(StorageError):
    """A load would delete so much that an incomplete answer is the likelier reason.

    `subject` is the asset whose rows would go, `counts` how many, where the trail is to say so.
    """

    code = "STORAGE_COLLAPSE"
    remedy = (
        "Compare the source's own count; if the rows are really gone, "
        'materialize core again in a run with the tag centra_assets/allow_collapse: "true".'
    )

    def __init__(self, cause: str, subject: str = "", counts: Mapping[str, int] | None = None) -> None:
        super().__init__(cause)
        self.subject, self.counts = subject, counts or {}


class DuplicateKeyError(StorageError):
    """One batch holds two different rows with one key, fetched at the same moment."""

    code = "STORAGE_DUPLICATE_KEY"
    remedy = "The contract's key does not tell the rows apart: add a column to it, or correct the transform."


class BatchShapeError(StorageError):
    """A batch lacks a column of its table, or has rows outside the scope it was loaded with."""

    code = "STORAGE_BATCH_SHAPE"
    remedy = "Hand over the contract's columns and the carried ones, and name every partition or record in the scope."


class WarehouseUnavailableError(StorageError):
    """The database kept refusing a load with deadlocks, serialization failures or lost connections."""

    code = "STORAGE_WAREHOUSE_UNAVAILABLE"
    remedy = "See that PostgreSQL runs and takes connections; the load changed nothing and may be repeated."
    transient = True


class LoginRefusedError(WarehouseUnavailableError):
    """The server answers, and lets nobody in with this user, this password or this database.

    Whoever stops at once because the database cannot be reached stops because of this one too.
    """

    code = "STORAGE_LOGIN_REFUSED"
    remedy = (
        "Correct user, password and database name in CENTRA_DATABASE_URL, or create them on the server and let them in "
        "(pg_hba.conf); `centra-assets doctor` tries it."
    )
    transient = False


class MigrationHeldUpError(StorageError):
    """A migration could not have a table for itself, for others had it all the time."""

    code = "STORAGE_MIGRATION_HELD_UP"
    remedy = (
        "Find the transaction that stays open (pg_stat_activity, oldest xact_start), end it or wait for it, then run "
        "`centra-assets migrate` again: it goes on where it was."
    )
    transient = True


class LakePathError(StorageError):
    """A name that cannot be part of a path in the lake."""

    code = "STORAGE_LAKE_PATH"
    remedy = "Names of entities and partitions are ids, days or months; see that the key is one of those."


class RowRefusedError(StorageError):
    """PostgreSQL refused a value: it does not fit the column's type, or is missing where it must not be."""

    code = "STORAGE_ROW_REFUSED"
    remedy = "Let the contract catch the value, so that its record is quarantined, or widen the column's type."


class NotPreparedError(StorageError):
    """A table or column that the load needs is not in the database."""

    code = "STORAGE_NOT_PREPARED"
    remedy = "Apply the migrations and prepare the entity's tables before loading."


class WarehouseRefusedError(StorageError):
    """The database refused a statement for good: rights, a malformed URL, something it does not know."""

    code = "STORAGE_WAREHOUSE_REFUSED"
    remedy = (
        "See that CENTRA_DATABASE_URL is whole and that its user may create tables in core and history "
        "and write to ops; then apply the migrations."
    )
