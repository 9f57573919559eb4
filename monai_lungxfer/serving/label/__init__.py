"""The MONAI Label application, and the environment and server that it runs in."""
