"""The steps of the comparison with nnU-Net v2; see `compare_nnunet.py`."""
