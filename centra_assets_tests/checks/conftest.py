"""Platforms for the tests of this folder; what a platform is lives in assets/platform.py."""

from centra_assets_tests.assets.conftest import make_platform, own_platform

__all__ = ["make_platform", "own_platform"]
