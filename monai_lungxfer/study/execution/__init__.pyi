from .begin import Study as Study
from .begin import begin_study as begin_study
from .evaluate_step import measure_step as measure_step
from .evaluate_step import network_pass_ms as network_pass_ms
from .mlflow_runs import StudyRuns as StudyRuns
from .paths import StepPaths as StepPaths
from .paths import StudyPaths as StudyPaths
from .paths import repetition_name as repetition_name
from .ray_pool import RayPool as RayPool
from .run import (
    Pool as Pool,
)
from .run import (
    SerialPool as SerialPool,
)
from .run import (
    StudyEnd as StudyEnd,
)
from .run import (
    StudyWatcher as StudyWatcher,
)
from .run import (
    run_study as run_study,
)
from .schedule import Schedule as Schedule
from .schedule import StudyTask as StudyTask
from .status import (
    StepStatus as StepStatus,
)
from .status import (
    seconds_left as seconds_left,
)
from .status import (
    step_status as step_status,
)
from .status import (
    study_status as study_status,
)
from .step_job import StepJob as StepJob
from .step_run import record_failure as record_failure
from .step_run import run_step as run_step
from .tracking import Tracking as Tracking
