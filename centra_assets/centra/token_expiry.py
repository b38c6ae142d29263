"""When an API token ends, as far as the token itself or whoever set it up says. Asks nobody."""

import base64
import binascii
import json
from datetime import UTC, date, datetime


def expiry_of(token: str, told: date | None) -> date | None:
    """The token's last day: as it was told, else its `exp` claim where it is a JWT; None where nobody knows."""
    return told or _claimed(token)


def _claimed(token: str) -> date | None:
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC).date()
    except (ValueError, KeyError, TypeError, binascii.Error):
        return None
