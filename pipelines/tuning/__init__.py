"""Searches settings of the models on the eval split: `recommender tune`."""
