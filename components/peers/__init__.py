"""What simple recommenders answer to the test rows: the peers that the bundle is compared with."""
