"""What the retrieval model can be trained by: each loss is a file."""
