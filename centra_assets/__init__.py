"""Centra commerce data as Dagster assets. Importing this package does no work; `definitions` wires everything."""

import time

# Before any other module of ours is read: what changes on disk later may not be the code that runs here.
IMPORTED_AT = time.time()
