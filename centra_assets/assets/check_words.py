"""How the description of a check begins, so that it can be quoted as it is: in Dagster's UI, and in an alert."""

SHOULD_BE, FAILURE_MEANS = "What should be so:", "A failure means:"
WHAT_TO_DO = "What to do:"


def described(promise: str, remedy: str) -> str:
    """The description of a check that is told by what should be so."""
    return f"{SHOULD_BE} {promise} {WHAT_TO_DO} {remedy}"


def described_by_failure(meaning: str, remedy: str) -> str:
    """The description of a check that is told by what it means when it fails, as rules are."""
    return f"{FAILURE_MEANS} {meaning} {WHAT_TO_DO} {remedy}"
