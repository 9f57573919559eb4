"""Reading radiographs, listing them, splitting them, and making phantoms."""
