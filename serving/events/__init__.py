"""What people did since the bundle was made: it counts in their next answers, and is exported for the next run."""
