"""Tests of what is removed after how long."""
