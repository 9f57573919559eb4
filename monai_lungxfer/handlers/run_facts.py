"""What the MLflow run of a training is told beyond its parameters: where its data and weights come from, and how."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient
from torch.optim.lr_scheduler import LRScheduler

from monai_lungxfer.data.datalist import data_root, hash_dataset, load_datalist
from monai_lungxfer.utils.yaml_numbers import load_yaml

CONFIGURATION = "configuration.yaml"
"""The artifact with the training's settings."""


@dataclass(frozen=True)
class RunFacts:
    """What a run is told when it begins, without names and paths; what it knows already is not told again.

    Attributes
    ----------
    dataset_dir : str or pathlib.Path
        The data; the tag `lungxfer.data` gets the SHA-256 of datalist, images and masks, as in a study.
    weights : str or pathlib.Path
        The file that the training writes.
    parent_sha256 : str or None
        Of the weights that it starts from, for the tag `lungxfer.parent_sha256`.
    configuration : str or None
        YAML, see `monai_lungxfer.bundle.redaction.redact_configuration`; the artifact `CONFIGURATION`.
    """

    dataset_dir: str | Path
    weights: str | Path
    parent_sha256: str | None = None
    configuration: str | None = None

    def tell(self, client: MlflowClient, run: str) -> None:
        """Write the tags and the artifact into a run."""
        known = client.get_run(run).data.tags
        if "lungxfer.data" not in known:
            client.set_tag(
                run, "lungxfer.data", hash_dataset(load_datalist(self.dataset_dir), data_root(self.dataset_dir))
            )
        if self.parent_sha256 and "lungxfer.parent_sha256" not in known:
            client.set_tag(run, "lungxfer.parent_sha256", self.parent_sha256)
        if self.configuration:
            client.log_dict(run, load_yaml(self.configuration), CONFIGURATION)


def describe_schedule(schedule: LRScheduler) -> str:
    """Return class and parameters of a schedule of the learning rate, on one line.

    Examples
    --------
    >>> from torch.optim import SGD, lr_scheduler
    >>> from torch.nn import Linear
    >>> describe_schedule(lr_scheduler.StepLR(SGD(Linear(1, 1).parameters()), step_size=3))
    'StepLR(step_size=3, gamma=0.1)'
    """
    names = [name for name in inspect.signature(type(schedule)).parameters if name not in ("optimizer", "last_epoch")]
    values = {name: vars(schedule)[name] for name in names if isinstance(vars(schedule).get(name), int | float | str)}
    return f"{type(schedule).__name__}({', '.join(f'{name}={value}' for name, value in values.items())})"
