"""The webhook receiver: proves, stores and answers Centra's deliveries. Where it leads is not decided here."""
