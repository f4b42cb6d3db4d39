"""What the network's outputs mean: targets as classes and numbers.

Knows nothing about networks, training or the inputs.
"""
