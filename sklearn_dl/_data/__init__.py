"""Rows as the user gives them and as the network sees them: checks, DataFrames, statistics, batches.

Knows nothing about networks, encoders or training.
"""
