"""Thin Dagster resources over the client and the storage. They open things and close them; the work is elsewhere."""
