"""A run on this machine: its folder, its stages and what is known of them afterwards."""
