"""The forum meeting: planned, agenda opened and published, held with a quorum, concluded, minutes issued."""
