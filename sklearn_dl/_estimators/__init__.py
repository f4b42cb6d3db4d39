"""The two estimators, and how parameters become a training.

Knows everything below; users meet it as `sklearn_dl.DLClassifier` and `DLRegressor`.
"""
