"""Read models: each answers one question and can be thrown away and rebuilt from the log."""
