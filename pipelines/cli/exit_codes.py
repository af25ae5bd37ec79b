"""What the command's exit codes mean."""

OK = 0
FAILURE = 1  # a stage failed, or a check of `doctor`
USAGE = 2  # the command, a setting or the data cannot be used
NOT_BLESSED = 3  # `run --require-blessing` and the new bundle was refused
TOO_FAR = 4  # `watch`: something is too far from training or from the days before
INTERRUPTED = 130  # Ctrl-C or SIGTERM
