from .cumulative import PaperMetric as PaperMetric
from .cumulative import PaperMetrics as PaperMetrics
from .cumulative import ValidationDiceLoss as ValidationDiceLoss
from .cumulative import image_metrics as image_metrics
