from .cumulative import PaperMetric as PaperMetric
from .cumulative import PaperMetrics as PaperMetrics
from .cumulative import ValidationDiceLoss as ValidationDiceLoss
from .per_image import image_metrics as image_metrics
