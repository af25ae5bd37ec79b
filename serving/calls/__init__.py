"""One request from its arrival to its answer: what REST and gRPC have in common."""
