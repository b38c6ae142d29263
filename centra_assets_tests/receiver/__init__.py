"""Tests of the webhook receiver, over real HTTP and a real PostgreSQL."""
