from .analysis import Analysis as Analysis
from .comparisons import (
    compared as compared,
)
from .comparisons import (
    described as described,
)
from .comparisons import (
    differences as differences,
)
from .comparisons import (
    with_holm as with_holm,
)
from .paper import paper_figures as paper_figures
from .paper import paper_value as paper_value
from .reading import FinishedStep as FinishedStep
from .reading import image_rows as image_rows
from .reading import read_step as read_step
from .results import StudyResults as StudyResults
from .statistics import (
    Agreement as Agreement,
)
from .statistics import (
    Interval as Interval,
)
from .statistics import (
    PairedTest as PairedTest,
)
from .statistics import (
    agreement as agreement,
)
from .statistics import (
    calibration_error as calibration_error,
)
from .statistics import (
    holm as holm,
)
from .statistics import (
    interval as interval,
)
from .statistics import (
    over_repetitions as over_repetitions,
)
from .statistics import (
    paired_test as paired_test,
)
from .statistics import (
    worst_tenth as worst_tenth,
)
