"""What can go wrong with a workbook, each with a code and a remedy. Raised by the modules beside this one."""

from centra_assets.errors import CentraAssetsError


class WorkbookRefusedError(CentraAssetsError):
    """A sheet breaks its contract, its sums are not core's, or a value does not fit into a spreadsheet."""

    code = "WORKBOOK_REFUSED"
    remedy = (
        "No file was written, and an earlier one is still there. Look at the named sheet and columns in core; "
        "docs/finance-workbook.md says what each sheet promises."
    )


class WorkbookUnreadableError(CentraAssetsError):
    """A file in the workbooks' folder is not a workbook that we wrote."""

    code = "WORKBOOK_UNREADABLE"
    remedy = "Materialize out/finance_workbook for the month again; keep edited copies in another folder."
