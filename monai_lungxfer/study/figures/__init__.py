"""The figures of a study, each a function from numbers to a picture."""
