"""The case: one file per stage of the pathway, in pathway order, and `state.py`, which folds the events into a Case."""
