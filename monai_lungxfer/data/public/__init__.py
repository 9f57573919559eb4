"""Public data sets: fetching them, and bringing the layout they come in into a datalist."""
