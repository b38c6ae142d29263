"""Tests of the accounts family."""
