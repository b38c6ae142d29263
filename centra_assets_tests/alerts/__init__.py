"""Tests of centra_assets.alerts."""
