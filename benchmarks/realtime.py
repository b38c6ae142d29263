"""A client of the highest priority, as the webhook path is one: a small request now and then, timed. No backfilling."""

import argparse
import json
import time

from centra_assets.centra.blocking import connect
from centra_assets.centra.buckets import Priority

_ONE_ORDER = """
query OneOrder($number: [Int!]) { orders(where: { number: $number }, limit: 1) { id number status updatedAt } }
"""


def main() -> None:
    """Ask for one order every `--every` seconds for `--seconds`; prints how long each answer took."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--url", "--token", "--database-url"):
        parser.add_argument(name, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--every", type=float, default=2.0)
    options = parser.parse_args()
    took, end = [], time.monotonic() + options.seconds
    with connect(
        url=options.url, token=options.token, database_url=options.database_url, priority=Priority.REAL_TIME
    ) as client:
        while time.monotonic() < end:
            asked = time.monotonic()
            client.execute(_ONE_ORDER, {"number": [1]})
            took.append(round(time.monotonic() - asked, 4))
            time.sleep(options.every)
        print(json.dumps({"took": took, "throttled": client.stats.throttled, "waited": client.stats.seconds_waited}))


if __name__ == "__main__":
    main()
