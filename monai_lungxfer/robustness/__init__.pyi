from .design import Condition as Condition
from .design import Design as Design
from .measuring import measure_image as measure_image
from .run import TrialResult as TrialResult
from .run import run_trial as run_trial
