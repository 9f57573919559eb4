"""How a study begins, or continues: the same plan, data and donor for all of its repetitions."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any, cast

from monai_lungxfer.bundle.references import resolve_weights
from monai_lungxfer.bundle.stages import STAGES
from monai_lungxfer.data.datalist import data_root, hash_dataset, load_datalist
from monai_lungxfer.data.partition import check_apart, make_split
from monai_lungxfer.data.records import Record, read_object
from monai_lungxfer.study.execution.measured_stages import find_measured_stages
from monai_lungxfer.study.execution.paths import StudyPaths
from monai_lungxfer.study.plan.arms import DONOR, Step
from monai_lungxfer.study.plan.plan import StudyPlan
from monai_lungxfer.training.stage import stage_data
from monai_lungxfer.utils.errors import PlanError, TransferError
from monai_lungxfer.utils.files import atomic_path, hash_file
from monai_lungxfer.utils.threads import granted_cores
from monai_lungxfer.weights.sidecar import copy_sidecar

_FACTS: dict[str, type | tuple[type, ...]] = {"id": str, "data": dict, "donor": (str, NoneType)}

GIVEN_WEIGHTS = (DONOR, "general")
"""The plan's keys that name weights, of which a study keeps a copy."""

# What a result depends on, and therefore must be the same in all parts of a study.
FIXED = (
    "seed",
    "parent",
    "fractions",
    "hold_out",
    "locked_share",
    "independent",
    "retention",
    "native",
    "refiner_steps",
    "precision",
    "stages",
)


@dataclass(frozen=True)
class Study:
    """A study that has begun: the `plan` as it is carried out, and the `facts` that were fixed when it began.

    These are its `id`, and the hashes of `data` by stage, of the `donor`, and of given `general` weights.
    """

    plan: StudyPlan
    facts: Mapping[str, Any]

    @property
    def paths(self) -> StudyPaths:
        """Its files."""
        return StudyPaths(self.plan.out)

    @property
    def threads(self) -> int:
        """Of each training: those of the plan, which are settled once a study has begun."""
        return cast("int", self.plan.threads)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of each repetition."""
        return self.plan.steps


def begin_study(plan: StudyPlan) -> Study:
    """Write down plan, data and donor, or check that they are those with which the study began.

    A plan that continues a study may have other arms, more repetitions (with ``parent: own``), and other settings of
    the machine. A `PlanError` is raised when the study in the folder began with another plan, other data, or another
    donor; a `DatalistError` when the data cannot be read, or a patient has general and portable images.
    """
    paths = StudyPaths(plan.out)
    known = read_object(paths.facts, **_FACTS) if paths.facts.is_file() else {}
    if paths.plan.is_file():
        plan = _continued(plan, StudyPlan.from_file(paths.path), paths.plan, known)
    elif plan.threads is None:
        plan = plan.model_copy(update={"threads": granted_cores()})
    facts = {"id": known.get("id", uuid.uuid4().hex), "data": _data(plan)}
    facts |= {name: _weights(name, plan, paths, known) for name in GIVEN_WEIGHTS}
    _check_same(known, facts, paths.facts)
    facts["data"] = known.get("data", {}) | facts["data"]
    facts |= {name: facts[name] or known.get(name) for name in GIVEN_WEIGHTS}
    plan.write(paths.plan)
    with atomic_path(paths.facts) as temporary:
        temporary.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return Study(plan, facts)


def _continued(plan: StudyPlan, begun: StudyPlan, source: Path, known: Mapping[str, Any]) -> StudyPlan:
    if "independent" not in plan.model_fields_set:  # as in plans from before there was a choice
        plan = plan.model_copy(update={"independent": begun.independent})
    fixed = [*FIXED, *(["repetitions"] if plan.parent == "best" else [])]
    for name in GIVEN_WEIGHTS:
        now, then = getattr(plan, name), getattr(begun, name)
        if now != then and not (now and then and _has_hash(now, known.get(name))):
            fixed.insert(0, name)
    given, kept = plan.model_dump(mode="json"), begun.model_dump(mode="json")
    changed = [f"{name} was {kept[name]!r}, is {given[name]!r}" for name in fixed if given[name] != kept[name]]
    if changed:
        raise PlanError(
            f"the study in this folder began with another plan: {'; '.join(changed)}",
            source=source,
            remedy="Restore these keys, or give the other plan a folder of its own (out)",
        )
    return plan.model_copy(update={"threads": plan.threads or begun.threads})


def _has_hash(weights: str, digest: str | None) -> bool:
    """Tell whether weights, wherever they lie, are those of a hash; those that are not there are not."""
    try:
        return hash_file(resolve_weights(weights)) == digest
    except TransferError:
        return False


def _data(plan: StudyPlan) -> dict[str, str]:
    """Hash the data sets that the arms need."""
    needed = {"portable"} | {step.pools for step in plan.steps if step.pools}
    needed |= {step.stage for step in plan.steps if step.name not in plan.given}
    needed |= {stage for step in plan.steps for stage in find_measured_stages(step, plan)}
    folders = {name: stage_data(plan.data, STAGES[name]) for name in sorted(needed)}
    records = {name: load_datalist(folder) for name, folder in folders.items()}
    chests = [found for name, found in records.items() if name != DONOR]
    if len(chests) > 1 and not plan.allow_shared_patients:
        check_apart(*chests, source=plan.data, remedy="plan allow_shared_patients: true")
    _check_training_sizes(plan, records["portable"])
    return {name: hash_dataset(records[name], data_root(folder)) for name, folder in folders.items()}


def _check_training_sizes(plan: StudyPlan, records: Sequence[Record]) -> None:
    """Raise a `PlanError` when a repetition has not more portable training images than the plan's sizes ask for."""
    largest = max((step.images or 0 for step in plan.sized_steps), default=0)
    kept: dict[str, Any] = {
        "hold_out": plan.hold_out,
        "hold_out_seed": plan.seed if plan.independent == "fixed" else None,
        "locked_share": plan.locked_share,
    }
    for repetition in range(plan.repetitions if largest else 0):
        split = make_split(records, plan.seed + repetition, plan.fractions, **kept)
        if len(split.training) <= largest:
            raise PlanError(
                f"training_images has {largest}, but repetition {repetition} has {len(split.training)} training images",
                remedy="Give smaller numbers, or a larger share for training (fractions, hold_out)",
            )


def _weights(name: str, plan: StudyPlan, paths: StudyPaths, known: Mapping[str, Any]) -> str | None:
    """Keep a copy of the donor's or the general weights, and return its hash; None when nothing needs them."""
    takers = {step.name if step.name in plan.given else step.parent for step in plan.steps}
    takers |= {"general" for step in plan.steps if step.choice == "select"}  # which looks at images with them
    if name not in plan.given or name not in takers:
        return None
    copy = paths.given(name)
    if known.get(name) is None:
        copy.parent.mkdir(parents=True, exist_ok=True)
        source = resolve_weights(getattr(plan, name))
        copy_sidecar(source, copy)
        with atomic_path(copy) as temporary:
            shutil.copyfile(source, temporary)
    elif not copy.is_file():
        raise PlanError(f"the copy of the {name} weights is gone", source=copy, remedy="Restore it")
    return hash_file(copy)


def _hashes(facts: Mapping[str, Any]) -> dict[str, str | None]:
    weights = {DONOR: facts.get(DONOR), "general weights": facts.get("general")}
    return {f"{name} images": digest for name, digest in facts.get("data", {}).items()} | weights


def _check_same(known: Mapping[str, Any], facts: Mapping[str, Any], source: Path) -> None:
    before = _hashes(known)
    for what, now in _hashes(facts).items():
        if now is not None and before.get(what) not in (None, now):
            raise PlanError(
                f"the study began with other {what}: the hash was {str(before[what])[:12]}, is {now[:12]}",
                source=source,
                remedy="Restore what was changed, or give the plan another folder (out)",
            )
