"""From own images to an adapted model and its report, step by step; an interrupted run continues."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from monai_lungxfer.adaptation.outcome import AdaptationOutcome, judge, list_pairs
from monai_lungxfer.adaptation.packing import make_bundle, verify, write_card
from monai_lungxfer.adaptation.page import render_page
from monai_lungxfer.adaptation.preparation import Watch as WatchItems
from monai_lungxfer.adaptation.preparation import find_suspicions, lock_split, prepare_images
from monai_lungxfer.adaptation.recipe import TrainingPhase, plan_phases
from monai_lungxfer.adaptation.sources import SourceRules
from monai_lungxfer.adaptation.state import AdaptationState
from monai_lungxfer.adaptation.steps import STEPS, list_steps
from monai_lungxfer.adaptation.training import STAGE, Machine, describe_start, measure_cost, run_phases
from monai_lungxfer.bundle.redaction import redact_weights
from monai_lungxfer.bundle.references import absolute_reference, resolve_weights
from monai_lungxfer.data.splits import load_split
from monai_lungxfer.networks.sizing import network_stride
from monai_lungxfer.study.analysis.report_comparison import read_evaluation
from monai_lungxfer.training.stage import StageFolder, Watch, evaluate_stage
from monai_lungxfer.utils.files import hash_file, write_text
from monai_lungxfer.utils.locks import lock_output
from monai_lungxfer.weights.sidecar import input_size, input_sizing

logger = logging.getLogger(__name__)

PAGE = "report.html"
_LEAST_SHARE = 0.5  # of the time is for training, however long the rest takes


@dataclass(frozen=True)
class AdaptationSettings:
    """How own images are adapted to.

    Attributes
    ----------
    weights : str
        What to start from, as for `resolve_weights`.
    minutes : float
        Time for all together, about.
    seed : int
        Of the split and the trainings.
    translator : str or None
        New layers that are to learn alone, such as "tail:3"; None: chosen by images and time.
    rules : SourceRules
        What the files do not say.
    machine : Machine
        Device and precision.
    """

    weights: str = STAGE.name
    minutes: float = 60.0
    seed: int = 0
    translator: str | None = None
    rules: SourceRules = field(default_factory=SourceRules)
    machine: Machine = field(default_factory=Machine)

    def fixed(self, data: Path) -> dict[str, Any]:
        """Return what must be the same when an interrupted adaptation continues."""
        chosen = {"minutes": self.minutes, "seed": self.seed, "translator": self.translator}
        chosen |= {"data": str(data.absolute()), **self.rules.told()}
        return chosen | {"weights_sha256": hash_file(resolve_weights(self.weights))}


@dataclass(frozen=True)
class Adapted:
    """What an adaptation wrote, and what came of it; `failures` are checks that the bundle did not pass."""

    bundle: Path
    page: Path
    steps: Path
    reports: tuple[Path, Path]
    outcome: AdaptationOutcome
    skipped: list[tuple[str, str]]
    notes: list[str]
    failures: list[str]

    def measured(self) -> list[tuple[Path, str]]:
        """Return both reports, each with the hash of the weights that it is of."""
        return [(report, read_evaluation(report)["weights_sha256"]) for report in self.reports]


def adapt(data: Path, out: Path, settings: AdaptationSettings, watch: Watch, watch_items: WatchItems = iter) -> Adapted:
    """Adapt weights to own images, measure them before and after on a locked part, and write bundle and report.

    The same call continues after an interruption: a step that is done is not repeated, and `data` is read once.

    Parameters
    ----------
    data, out : pathlib.Path
        Own images, in one of the forms of `monai_lungxfer.adaptation.sources.READERS`; and the output folder.
    settings : AdaptationSettings
        How.
    watch : callable
        As for `monai_lungxfer.training.stage.train_stage`.
    watch_items : callable
        Is given the images that are copied, and yields them, such as a progress bar.

    Raises
    ------
    DatalistError
        When there are too few patients, no masks, or nothing says whose the images are.
    LungXferError
        When the folder holds another adaptation.
    """
    out = out.absolute()
    begun = time.monotonic()
    with lock_output(out):
        state = AdaptationState(out, settings.fixed(data))
        state.run_once("data", lambda: prepare_images(data, out, settings.rules, watch_items))
        device = settings.machine.device
        state.run_once("labels", lambda: find_suspicions(out, settings.weights, device))
        split = state.run_once("split", lambda: lock_split(out, settings.seed))
        common = {**split, **settings.machine.settings(), "seed": settings.seed, "split_file": out / "split.json"}
        before, after = out / "before.json", out / "after.json"
        state.run_once("before", lambda: _evaluate(settings.weights, out, before, common))
        phases = _plan(state, out, settings, begun)
        trained = run_phases(state, out, settings.weights, phases, common, watch)
        bundle = out / STAGE.bundle
        state.run_once("bundle", lambda: make_bundle(trained, out).name)
        state.run_once("after", lambda: _evaluate(bundle, out, after, common))
        return _conclude(state, out, settings, phases)


def _conclude(state: AdaptationState, out: Path, settings: AdaptationSettings, phases: list[TrainingPhase]) -> Adapted:
    """Compare the measurements, and write card, page and steps."""
    bundle, files = out / STAGE.bundle, (out / "before.json", out / "after.json")
    before, after = map(read_evaluation, files)
    outcome = judge(before, after)
    facts = _describe(state, settings, phases, out)
    state.run_once("card", lambda: write_card(bundle, outcome, facts))
    failures = state.run_once("checks", lambda: verify(bundle))
    steps = _write_steps(state, out, settings, phases)
    prepared, suspicions = state.steps["data"], state.steps["labels"]
    cautions = _list_cautions(prepared, suspicions)
    write_text(out / PAGE, render_page(outcome, list_pairs(before, after), facts, cautions))
    notes = [*prepared["notes"], *(f"Labels: {suspicion}" for suspicion in suspicions)]
    skipped = [(file, reason) for file, reason in prepared["skipped"]]
    return Adapted(bundle, out / PAGE, steps, files, outcome, skipped, notes, failures)


def _evaluate(weights: str | Path, out: Path, report: Path, common: Mapping[str, Any]) -> dict[str, Any]:
    """Measure weights on the locked part, and return how long that took."""
    begun = time.monotonic()
    chosen = {**common, "report_file": report, "overwrite": True}
    evaluate_stage(STAGE, out / "data", StageFolder(out), weights, "independent", chosen)
    return {"seconds": time.monotonic() - begun}


def _plan(state: AdaptationState, out: Path, settings: AdaptationSettings, begun: float) -> list[TrainingPhase]:
    """Measure the machine, once, and choose the trainings."""

    def measure() -> dict[str, Any]:
        network = describe_start(settings.weights)
        size = input_size(settings.weights)
        cost = measure_cost(network, (size[0], size[1]), settings.machine)
        total = 60 * settings.minutes
        spent = time.monotonic() - begun + state.steps["before"]["seconds"]
        seconds = max(total - spent, _LEAST_SHARE * total)
        split = load_split(out / "split.json", out / "data")
        sections = (len(split.training), len(split.validation))
        phases = plan_phases(*sections, cost, network_stride(network) or 1, seconds, settings.translator)
        sizing = {"sizing": input_sizing(settings.weights)}
        planned = [asdict(phase) | {"settings": phase.settings | sizing} for phase in phases]
        return {"cost": asdict(cost), "sections": sections, "phases": planned}

    planned = state.run_once("plan", measure)
    phases = [TrainingPhase(**phase) for phase in planned["phases"]]
    for phase in phases:
        height, width = phase.settings["image_size"]
        told = (phase.name, height, width, phase.settings["max_epochs"], phase.seconds / 60)
        logger.info("Planned: %s, images of %dx%d, at most %d epochs and %.1f minutes", *told)
    return phases


def _describe(
    state: AdaptationState, settings: AdaptationSettings, phases: list[TrainingPhase], out: Path
) -> dict[str, str]:
    """Return how the model was made, in words, without names and paths."""
    prepared, (training, validation) = state.steps["data"], state.steps["plan"]["sections"]
    locked = prepared["images"] - training - validation
    started, digest = redact_weights(settings.weights), state.settings["weights_sha256"][:12]
    facts = {
        "Images": f"{prepared['images']} of {prepared['patients']} patients, by {prepared['form']}",
        "Learnt from": f"{training} images; {validation} chose the epoch; {locked} locked",
        "Split": f"seed {settings.seed}, {load_split(out / 'split.json', out / 'data').hash[:12]}",
        "Started from": started if digest in started else f"{started} ({digest})",
    }
    for phase in phases:
        done = state.steps[f"training {phase.name}"]
        size = "x".join(map(str, phase.settings["image_size"]))
        what = f"new layers {phase.settings['translator']}" if phase.name == "adapter" else "all layers"
        facts[f"Training, {phase.name}"] = (
            f"{what}, {size}, epochs: {done['epochs']}; best validation Dice {done['validation_dice']:.4f} (soft)"
        )
    return facts


def _list_cautions(prepared: Mapping[str, Any], suspicions: list[str]) -> list[str]:
    suspected = [f"Labels to look at: {len(suspicions)}; the terminal names them."] if suspicions else []
    cautions = [
        f"In the data: {count} × {kind}; the terminal names them." for kind, count in prepared["doubts"].items()
    ]
    return [*cautions, *suspected, *([f"Skipped files: {len(prepared['skipped'])}."] if prepared["skipped"] else [])]


def _write_steps(state: AdaptationState, out: Path, settings: AdaptationSettings, phases: list[TrainingPhase]) -> Path:
    weights = absolute_reference(settings.weights, Path.cwd())
    epochs = {phase.name: state.steps[f"training {phase.name}"]["epochs"] for phase in phases}
    write_text(out / STEPS, list_steps(weights, phases, state.steps["split"], epochs, settings.seed))
    return out / STEPS
