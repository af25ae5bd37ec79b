"""Who runs what, in which order: configuration, the pipeline, its runners and the command line."""
