from .arms import Arm as Arm
from .arms import Step as Step
from .arms import required_steps as required_steps
from .plan import StagePlan as StagePlan
from .plan import StagePlans as StagePlans
from .plan import StudyPlan as StudyPlan
from .plan import read_stage_defaults as read_stage_defaults
from .template import plan_template as plan_template
