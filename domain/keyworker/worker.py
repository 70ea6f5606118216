"""Registering key workers and their limits."""
