"""Tests of the shipments family."""
