"""Tests of the customers family."""
