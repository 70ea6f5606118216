"""The outbox: who is told what, written once from the log, and delivered until it has arrived. No rule lives here."""
