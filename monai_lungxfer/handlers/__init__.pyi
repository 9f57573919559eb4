from .epoch_table import EpochTable as EpochTable
from .epoch_table import epoch_seconds as epoch_seconds
from .epoch_table import read_epochs as read_epochs
from .image_table import ImageTable as ImageTable
from .image_table import summarise as summarise
from .mlflow_run import RunTracker as RunTracker
from .precise_batch_norm import PreciseBatchNorm as PreciseBatchNorm
from .precise_batch_norm import evenly_spaced as evenly_spaced
from .training import (
    BestWeights as BestWeights,
)
from .training import (
    EpochSeed as EpochSeed,
)
from .training import (
    ResumePoint as ResumePoint,
)
from .training import (
    resume_schedule as resume_schedule,
)
