"""A referral register as a council exports it: read as it comes, brought in row by row, reported line by line."""
