"""The project's tests; they mirror the package, and their names are claims."""
