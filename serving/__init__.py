"""Answers questions from a pushed bundle; knows no TFX and no Beam."""
