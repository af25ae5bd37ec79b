"""What a bundle is compared with: popularity, means and simple recommenders, the peers."""
