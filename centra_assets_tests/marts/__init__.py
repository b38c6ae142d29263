"""Marts: their figures, and how they stay fresh."""
