"""What the case remembers of each event, a file per part of the pathway; `domain/case/state.py` puts them together."""
