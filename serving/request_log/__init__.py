"""The log of requests and their answers, as TensorFlow Serving's `logging_config` asks for it."""
