"""Measurements of the product, each against a peer or a limit in the same run. Never a timed test."""
