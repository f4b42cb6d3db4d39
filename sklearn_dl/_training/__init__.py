"""From encoded rows to trained weights: loops, folds, and what listens to them.

Knows nothing about the user's table.
"""
