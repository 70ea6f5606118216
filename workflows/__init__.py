"""Durable processes that own time: they wait, remind, offer and escalate, and they hold no truth of their own."""
