"""What the items' vectors show: a map of them, their neighbours, and how much of the genres they know."""
