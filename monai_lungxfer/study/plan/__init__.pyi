from .arms import Arm as Arm
from .arms import Step as Step
from .arms import required_steps as required_steps
from .plan import (
    StagePlan as StagePlan,
)
from .plan import (
    StagePlans as StagePlans,
)
from .plan import (
    StudyPlan as StudyPlan,
)
from .plan import (
    stage_defaults as stage_defaults,
)
from .plan_errors import check_names as check_names
from .plan_errors import check_settings as check_settings
from .plan_errors import plan_error as plan_error
from .plan_file import load_plan_file as load_plan_file
from .template import plan_template as plan_template
