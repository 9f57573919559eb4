"""The parts of the MONAI Deploy application."""
