"""RunReport: one HTML page a run that a person reads."""
