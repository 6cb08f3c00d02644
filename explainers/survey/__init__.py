"""Many pictures: what is asked of them, the run, its table, and what the table shows."""
