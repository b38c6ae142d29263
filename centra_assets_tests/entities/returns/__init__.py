"""Tests of the returns family."""
