"""Fixtures that every test may ask for."""

pytest_plugins = ["centra_assets_tests.fixtures.postgres", "centra_assets_tests.fixtures.sandbox"]
