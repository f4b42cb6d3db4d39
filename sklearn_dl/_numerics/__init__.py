"""Arithmetic that is not plain NumPy, random generators, threads, and what numbers settings may be.

Knows nothing about networks or tables.
"""
