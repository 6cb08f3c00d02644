"""Explanations -> what follows from them, and how far to believe them."""
