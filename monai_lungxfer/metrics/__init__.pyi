from .cumulative import PaperMetric as PaperMetric
from .cumulative import PaperMetrics as PaperMetrics
from .cumulative import ValidationDiceLoss as ValidationDiceLoss
