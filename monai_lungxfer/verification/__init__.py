"""Is a bundle fit for a model zoo? The checks of MONAI's public zoo that need neither a GPU nor a network."""

from monai_lungxfer.verification.outcome import Check, Outcome
from monai_lungxfer.verification.run import CHECKS, run_check, verify_bundle

__all__ = ["CHECKS", "Check", "Outcome", "run_check", "verify_bundle"]
