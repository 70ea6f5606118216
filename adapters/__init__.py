"""Everything that touches the world: PostgreSQL, Temporal, HTTP, the command line, files. No pathway rule lives here."""
