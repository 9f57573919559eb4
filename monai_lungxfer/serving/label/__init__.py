"""MONAI Label: an app of this package's own over the one inference core, and the stock app, in an environment apart."""
