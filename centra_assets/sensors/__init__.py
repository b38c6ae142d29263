"""Sensors: what makes runs start by itself."""
