"""What each stage of the pipeline does; a folder is a stage, in the order of the flow."""

import os

# TensorFlow Recommenders, Transform and TFMA need Keras 2; TensorFlow reads this at its first import.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
