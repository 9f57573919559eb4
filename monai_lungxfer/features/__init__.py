"""Which features networks share between domains: similarity, reuse, probes, units, patches, and a donor's score."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
