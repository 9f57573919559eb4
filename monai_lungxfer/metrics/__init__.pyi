from .cumulative import PaperMetric as PaperMetric
from .cumulative import PaperMetrics as PaperMetrics
from .cumulative import ValidationDiceLoss as ValidationDiceLoss
from .per_image import image_metrics as image_metrics
from .summary import pair_rows as pair_rows
from .summary import paired_reports as paired_reports
from .summary import summarise as summarise
from .summary import summarise_report as summarise_report
