"""What a person takes away that can be read anywhere, and run again: records and reports."""
