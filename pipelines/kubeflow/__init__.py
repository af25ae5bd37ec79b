"""The same pipeline on Kubeflow: compiled, submitted, and its steps' way into TFX's executors."""
