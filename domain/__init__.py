"""The coordinated care pathway in its own words: events, rules and commands. No I/O, no clock, no random ids."""
