"""Settings of inference.yaml that its user may replace, whichever engine carries it out."""

OPEN_SETTINGS = {
    "threshold": ("a number above 0 and below 1", lambda value: isinstance(value, (int, float)) and 0 < value < 1),
    "clean": ("true or false", lambda value: isinstance(value, bool)),
    "fix_polarity": ("true or false", lambda value: isinstance(value, bool)),
}
"""What a compiled pipeline leaves to its user too, and which values each setting can have."""
