"""A network at work: its vector of values, forward and backward, alone or shared out between threads.

Knows the protocol of a layer, and nothing about losses, solvers or tables.
"""
