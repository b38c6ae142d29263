"""Tests of the invoices family."""
