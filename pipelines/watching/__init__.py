"""What is asked of the served versions, what comes of it, and how far it is from what they were trained on."""
