"""Claims about personal data: where it is, that it is masked, that a customer can be forgotten."""
