"""A stand-in Centra to run on a laptop. It shares no code with the client that it tests."""
