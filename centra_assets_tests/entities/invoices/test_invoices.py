"""What invoices say: unit prices in both tax modes by name, lines that refer to what they bill."""

from datetime import date
from typing import Any

from centra_assets.entities.invoices import INVOICES
from centra_assets_tests.entities.reading import read
from centra_assets_tests.entities.sales_records import amount, only, total


def invoice(invoice_id: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "__typename": "WholesaleInvoice",
        "id": invoice_id,
        "number": 1001,
        "type": "INVOICE",
        "status": "SENT",
        "isDraft": False,
        "createdAt": "2024-03-01T12:00:00+01:00",
        "updatedAt": "2024-03-01T12:00:00+01:00",
        "orderDate": "2024-02-20",
        "dueDate": "2024-03-31",
        "currencyBaseRate": 1,
        "grandTotal": total("125"),
        "grandTotalNet": amount("100"),
        "totals": {"lineValues": amount("100"), "taxAdded": amount("25")},
        "store": {"id": 3},
        "account": {"id": 12},
        "lines": [line(31)],
        "payments": [],
    } | changes


def line(line_id: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": line_id,
        "quantity": 2,
        "taxPercent": 25,
        "discountPercent": 0,
        "unitPrice": amount("62.5"),
        "unitPriceNet": amount("50"),
        "unitOriginalPrice": amount("50"),
        "lineValue": amount("100"),
        "orderLine": {"__typename": "ProductOrderLine", "id": 7},
        "shipmentLine": {"id": 11},
        "productSize": {"id": 5},
    } | changes


def test_an_invoice_fills_its_header() -> None:
    header = only(read(INVOICES, invoice()), "invoices")
    assert (header["type"], header["store_type"], header["account_id"]) == ("INVOICE", "WHOLESALE", 12)
    assert (header["order_date"], header["due_date"]) == (date(2024, 2, 20), date(2024, 3, 31))
    assert (header["grand_total"], header["grand_total_net"], header["tax_total"]) == (125, 100, 25)


def test_lines_say_their_unit_price_with_and_without_tax() -> None:
    row = only(read(INVOICES, invoice()), "invoice_lines")
    assert row["unit_price"] - row["unit_price_net"] == row["unit_price_net"] * row["tax_percent"] / 100
    assert row["printed_line_value"] == 100


def test_the_document_says_the_tax_mode_wherever_centra_lets_it() -> None:
    text = INVOICES.document_text()
    assert text.count("unitPrice(includingTax: true)") == text.count("unitPrice(includingTax: false)") == 1
    assert "unitPrice {" not in text
    assert "unitOriginalPrice {" not in text
    assert "grandTotal {" not in text


def test_lines_refer_to_what_they_bill() -> None:
    rows = read(INVOICES, invoice(lines=[line(1), line(2, orderLine=None, shipmentLine=None)])).tables["invoice_lines"]
    assert rows["order_line_id"].to_list() == [7, None]
    assert rows["shipment_line_id"].to_list() == [11, None]
    assert rows["counts_in_totals"].to_list() == [True, True]
    assert rows["position"].to_list() == [1, 2]


def test_payments_stand_on_their_own() -> None:
    paid = {"id": 4, "type": "BANK", "paymentDate": "2024-03-20", "value": amount("125")}
    row = only(read(INVOICES, invoice(payments=[paid])), "invoice_payments")
    assert (row["invoice_id"], row["amount"], row["payment_date"], row["currency"]) == (
        1,
        125,
        date(2024, 3, 20),
        "SEK",
    )


def test_an_invoice_without_a_usable_rate_is_set_aside() -> None:
    parsed = read(INVOICES, invoice(currencyBaseRate=0), invoice(2, lines=[line(2)]))
    assert parsed.quarantined["_record_id"].to_list() == ["0"]
    assert parsed.tables["invoices"]["id"].to_list() == [2]


def test_what_was_pruned_is_null_and_breaks_no_rule() -> None:
    parsed = read(INVOICES, {"id": 1, "createdAt": "2024-03-01T12:00:00+01:00"})
    assert parsed.quarantined.height == 0
    assert only(parsed, "invoices")["grand_total_base"] is None
