"""Tests of the orders family."""
