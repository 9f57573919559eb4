"""Commands of `lungxfer`, faults that hit them, and what must be true afterwards; see `../run_chaos.py`."""
