"""The event log in PostgreSQL: its schema, its one way in, and its readers. Knows no stage of the pathway."""
