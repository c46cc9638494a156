"""Auxiliary losses that any learner can take."""
