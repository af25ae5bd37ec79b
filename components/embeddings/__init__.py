"""What the movies' vectors show: a map of them, their neighbours, and how much of the genres they know."""
