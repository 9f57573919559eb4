"""The commented plan that a new study starts from."""

from __future__ import annotations

from monai_lungxfer.study.plan.arms import ARMS, Arm, fill_sizes
from monai_lungxfer.study.plan.plan import StudyPlan
from monai_lungxfer.study.plan.stage_plans import StagePlans, read_stage_defaults

TEMPLATE = """\
# A study: the stages of the transfer, again and again with fresh splits. Run it, and go on with it, by
#   lungxfer study run {name}
# Relative paths start at the folder of this file. The values are those of Vidal et al. 2021 where it has them.

data: {data}  # holds general/ and portable/, each with a datalist.json; lgg/ for donors that arms train
out: {out}  # the study's folder
experiment: {plan.experiment}  # name in MLflow

donor: {plan.donor}  # weights of stage 0: a file, a bundle's name, hub, or an MLflow URI (models:/name@alias)
general: null  # weights of stage 1, which the step general then takes instead of training them
repetitions: {plan.repetitions}  # each with its own splits and trainings
seed: {plan.seed}  # repetition r draws its splits, and all else that is random, from seed + r
fractions: {fractions}  # training, validation, test
hold_out: {plan.hold_out}  # share of the portable images set aside as the independent half
locked_share: {plan.locked_share}  # share of the portable patients kept for a last test, after all choices: 0.2
independent: {plan.independent}  # half drawn once for all repetitions (fixed, as in the paper) or in each (fresh)
retention: false  # measure donor and general test parts, too, before and after each later stage
native: false  # measure the independent half at the size of the radiographs, too, with and without refined borders
refiner_steps: {plan.refiner_steps}  # with native: of training what refines the borders, for each portable step
allow_shared_patients: false  # whether a patient may stand among general and portable images

# Ways to weights for portable radiographs, all in the same splits; steps that arms share are trained once.
arms:
{arms}
# Of other questions, each compared with the paper's arm (docs/study.md):
{others}

# How many images are enough? These arms also learn from parts of the portable training images, such as
#   training_images: [5, 10, 20, all]
training_images: []  # sizes of these parts; all is the arm itself; empty: no parts
training_arms: []  # the arms that learn from parts; empty: all that end with a portable stage
training_choice: [random]  # parts of patients drawn at random, or by what lungxfer select would draw first (select)

# The general weights that portable stages start from: those of their own repetition (own), or those of the
# repetition with the lowest validation loss (best).
parent: {plan.parent}

# The machine. Results do not depend on how many trainings run at once, but, in their last digits, on threads.
threads: null  # of a training; null: all processors of the machine that begins the study
gpus: {plan.gpus}  # that a training takes on a Ray cluster, such as 1 or 0.5
retries: {plan.retries}  # how often a training goes to another Ray worker when one was lost
device: {plan.device}  # cpu, cuda, cuda:1, ...; auto takes a GPU where there is one
precision: {plan.precision}  # float32, bfloat16, float16; auto: what the hardware is fast in
keep_decoded: true  # keep decoded images on disk for the other trainings

# How each stage is trained; here, `settings` takes any setting of the stage's bundle, such as
#   settings: {{train#random_transforms#0#prob: 0.5}}
stages:
{stages}
"""

STAGE_KEYS = {
    "max_epochs": "at most",
    "image_size": "side of the network's input in pixels, a multiple of 16",
    "batch_size": "images in a step of the optimiser",
    "learning_rate": "at the start; it falls when the validation loss stands still",
    "early_stop_patience": "epochs without a better validation loss after which training ends",
}


def plan_template(data: str = "data", out: str = "study", name: str = "plan.yaml") -> str:
    """Return a plan with every key explained and the paper's values, for these folders and a file of this name."""
    plan = StudyPlan.model_validate({"data": data, "out": out})
    arms = "\n".join(f"  - {_arm_line(ARMS[name])}" for name in plan.arms)
    others = "\n".join(f"#  - {_arm_line(arm)}" for name, arm in ARMS.items() if name not in plan.arms)
    stages = "\n".join(
        f"  {stage}:\n"
        + "\n".join(f"    {key}: {value}  # {STAGE_KEYS[key]}" for key, value in read_stage_defaults(stage).items())
        for stage in StagePlans.model_fields
    )
    fractions = list(plan.fractions)
    parts = {"fractions": fractions, "arms": arms, "others": others, "stages": stages}
    return TEMPLATE.format(plan=plan, data=data, out=out, name=name, **parts)


def _arm_line(arm: Arm) -> str:
    title = fill_sizes(arm.title, read_stage_defaults("portable")["image_size"])
    return f"{arm.name:<{max(map(len, ARMS))}}  # {title[0].lower()}{title[1:]}"
