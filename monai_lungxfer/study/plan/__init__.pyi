from .arms import Arm as Arm
from .arms import Step as Step
from .arms import required_steps as required_steps
from .plan import StudyPlan as StudyPlan
from .stage_plans import StagePlan as StagePlan
from .stage_plans import StagePlans as StagePlans
from .stage_plans import read_stage_defaults as read_stage_defaults
from .template import plan_template as plan_template
