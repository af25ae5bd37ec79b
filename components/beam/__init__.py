"""Beam: the engines on which jobs run, and what they ask for."""
