"""Pictures of a run, and one HTML page that holds them."""
