"""The MLflow runs of a study and of its repetitions, which the process that runs the study opens and closes."""

from __future__ import annotations

from monai_lungxfer.bundle.redaction import redact_paths
from monai_lungxfer.study.execution.begin import FIXED, GIVEN_WEIGHTS, Study
from monai_lungxfer.study.execution.paths import StepPaths, repetition_name
from monai_lungxfer.study.execution.run_metrics import repetition_metrics, study_metrics
from monai_lungxfer.study.execution.schedule import Schedule
from monai_lungxfer.study.execution.tracking import Tracking
from monai_lungxfer.utils.versions import code_version, environment

STUDY_PART = "study"


class StudyRuns:
    """Context manager around a study's work; what is open when it is left by an exception ends as FAILED or KILLED.

    Without `tracking`, nothing is tracked.
    """

    def __init__(self, study: Study, tracking: Tracking | None) -> None:
        self.study = study
        self.tracking = tracking
        self._study_run: str | None = None
        self._repetitions: dict[int, str] = {}

    def __enter__(self) -> StudyRuns:
        if self.tracking is not None:
            self.tracking.prepare()
            self.tracking.settle(self._is_done)
            plan = self.study.plan
            self._study_run = self.tracking.open(STUDY_PART, f"study-{self.study.facts['id'][:8]}")
            tags = {"version": code_version(), "arms": ", ".join(plan.arms), "repetitions": plan.repetitions}
            hashes = {f"data.{name}": digest for name, digest in self.study.facts["data"].items()}
            fixed = plan.model_dump(mode="json", include=set(FIXED) - {"stages"})
            hashes |= {f"{name}_sha256": self.study.facts.get(name) for name in GIVEN_WEIGHTS}
            self.tracking.note(self._study_run, tags | hashes, fixed)
            self.tracking.keep(self._study_run, redact_paths(plan.model_dump(mode="json")), "plan.yaml")
            self.tracking.keep(self._study_run, environment(), "environment.json")
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is None:
            return
        status = "FAILED" if isinstance(error, Exception) else "KILLED"
        for repetition in list(self._repetitions):
            self._close_repetition(repetition, status)
        self._close_study(status)

    def repetition(self, repetition: int) -> str | None:
        """Return the run of a repetition, which is opened when its first step is about to be run."""
        if self.tracking is not None and repetition not in self._repetitions:
            name = repetition_name(repetition)
            self._repetitions[repetition] = self.tracking.open(name, name, self._study_run)
        return self._repetitions.get(repetition)

    def close_settled(self, schedule: Schedule) -> None:
        """End the runs of the repetitions of which all steps that can be run have been."""
        for repetition in list(self._repetitions):
            if schedule.is_settled(repetition):
                self._close_repetition(repetition, "FINISHED" if schedule.is_done(repetition) else "FAILED")

    def close(self, *, failed: bool) -> None:
        """End the run of the study, and those that are open still, as of steps whose workers were lost."""
        if self.tracking is not None:
            self.tracking.settle(self._is_done)
            if self._study_run is not None:
                self.tracking.note(self._study_run, metrics=study_metrics(self.study.paths.finished_steps()))
        self._close_study("FAILED" if failed else "FINISHED")

    def _close_repetition(self, repetition: int, status: str) -> None:
        run = self._repetitions.pop(repetition, None)
        if self.tracking is not None and run is not None:
            done = [step for step in self.study.paths.finished_steps() if step.repetition == repetition]
            self.tracking.note(run, metrics=repetition_metrics(done))
            self.tracking.close(run, status)

    def _close_study(self, status: str) -> None:
        if self.tracking is not None and self._study_run is not None:
            self.tracking.close(self._study_run, status)

    def _is_done(self, part: str) -> bool:
        """Tell whether a step or a repetition, by its name, is done."""
        folder = self.study.paths.path / part
        steps = [folder] if "/" in part else [folder / step.name for step in self.study.steps]
        return part != STUDY_PART and all(StepPaths(step).record.is_file() for step in steps)
