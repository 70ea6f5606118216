"""The person: who somebody is, kept apart from their cases, and which cases are open for them."""
