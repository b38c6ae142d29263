"""Asset checks: what the core tables promise, asked of PostgreSQL. What a single row promises is in the contracts."""
