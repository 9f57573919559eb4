"""The server behind a review page, on this machine alone, where a person corrects masks."""
