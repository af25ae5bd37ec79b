"""Files of any common kind as DuckDB relations: which files, how they are written, what their columns are."""
