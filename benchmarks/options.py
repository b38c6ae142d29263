"""The one flag that benchmarks share: how large the load is."""

import argparse


def orders(default: int, description: str | None) -> int:
    """`--orders N` of a benchmark's command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--orders", type=int, default=default, help=f"orders in the corpus (default {default:,})")
    number: int = parser.parse_args().orders
    return number
