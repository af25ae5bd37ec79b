"""Statistics and the gate that stops a run on anomalies."""
