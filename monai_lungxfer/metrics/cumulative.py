"""Metrics over a set of images, for MONAI's evaluators: means of per-image values, and the validation loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from ignite.exceptions import NotComputableError
from ignite.metrics import Metric
from ignite.metrics.metric import reinit__is_reduced, sync_all_reduce
from monai.handlers import IgniteMetricHandler
from monai.metrics import CumulativeIterationMetric
from torch import Tensor

from monai_lungxfer.metrics.pairs import check_pair
from monai_lungxfer.metrics.per_image import PAPER_METRICS, check_names, image_metrics
from monai_lungxfer.utils.errors import LungXferError


class PaperMetrics(CumulativeIterationMetric):
    """Several per-image metrics at once, in the way of `monai.metrics.DiceMetric`.

    Call it with predictions and truth, either tensors (N, 1, H, W) or lists of tensors (1, H, W) whose sizes may
    differ; pass `spacing` as in `image_metrics` to have distances in mm (one pair, when lists are passed). The values
    of each image are kept, so the mean depends neither on the batch size nor on how processes share the images.
    As with every cumulative metric of MONAI, each process must have seen one image at least.

    Parameters
    ----------
    names : sequence of str, optional
        Some of `METRICS`, defined in `monai_lungxfer.metrics.per_image.image_metrics`; the paper's nine by default.

    Raises
    ------
    LungXferError
        For an unknown name, and when called with what `image_metrics` refuses.

    Examples
    --------
    >>> metric = PaperMetrics(["DICE", "SENS"])
    >>> _ = metric(torch.tensor([[[[0.75, 0.25]]]]), torch.tensor([[[[1, 0]]]]))
    >>> dict(zip(metric.names, metric.aggregate().tolist()))
    {'DICE': 0.75, 'SENS': 1.0}
    """

    def __init__(self, names: Sequence[str] = PAPER_METRICS) -> None:
        super().__init__()
        check_names(names)
        self.names = tuple(names)

    def _compute_tensor(  # type: ignore[override]
        self, y_pred: Tensor, y: Tensor, spacing: Sequence[float] | Sequence[Sequence[float]] | None = None
    ) -> Tensor:
        values = image_metrics(y_pred, y, self.names, spacing)
        return torch.stack([values[name] for name in self.names], dim=1)

    def aggregate(self) -> Tensor:
        """Return the means over all images of all processes, without the images where a metric is undefined.

        They are float64, one for each of `names`; NaN where no image has a defined value. ValueError is raised when no
        image was measured since the last reset.
        """
        values = self.get_buffer()
        if not isinstance(values, Tensor):
            raise ValueError("no image was measured since the last reset, so there is nothing to aggregate.")
        return values.nanmean(dim=0)


class PaperMetric(IgniteMetricHandler):
    """One per-image metric for `key_val_metric` and `additional_metrics` of MONAI's evaluators.

    The mean over all images becomes `engine.state.metrics[key]`, the values of the images (N, 1) become
    `engine.state.metric_details[key]`, which `monai.handlers.MetricsSaver` writes to a file. Distances are in pixels
    of the grid that is evaluated; `image_metrics` measures in mm.

    Parameters
    ----------
    name : str
        One of `METRICS`, defined in `monai_lungxfer.metrics.per_image.image_metrics`.
    output_transform : callable, optional
        Gives (predictions, truth) of `engine.state.output`, as in every metric of Ignite.
    save_details : bool, optional
        Whether to keep the values of the images.

    Raises
    ------
    LungXferError
        For an unknown name, and during the run for predictions that are no probabilities.

    Examples
    --------
    In the YAML of a bundle::

        key_val_metric:
          DICE:
            _target_: monai_lungxfer.metrics.cumulative.PaperMetric
            name: DICE
            output_transform: "$monai.handlers.from_engine(['pred', 'label'])"
    """

    def __init__(self, name: str, output_transform: Callable = lambda x: x, save_details: bool = True) -> None:
        super().__init__(metric_fn=PaperMetrics([name]), output_transform=output_transform, save_details=save_details)


class ValidationDiceLoss(Metric):
    r"""The smooth Dice loss of the whole validation set, as if it were one batch.

    .. math:: 1 - \frac{2 \sum P T + \lambda}{\sum P + \sum T + \lambda}

    where :math:`P` are the probabilities and :math:`T` the truth of all pixels of all images of all processes. The
    sums are kept, not the losses of batches, so the value depends neither on the batch size nor on how processes
    share the images. It is 0 when prediction and truth are empty.

    This is the loss of the donor (Buda et al. 2019), which Vidal et al. 2021 say they keep. Their Eq. 1 prints
    :math:`1 - 2 (\sum P T + \lambda) / (\sum P + \sum T + \lambda)` instead, which is -1 for two empty masks.

    - ``update`` must receive output of the form ``(y_pred, y)``: probabilities and masks of {0, 1}, as tensors
      (N, 1, H, W) or as lists of tensors (1, H, W).

    Parameters
    ----------
    smooth : float, optional
        :math:`\lambda` in pixels, above 0.
    output_transform : callable, optional
        Gives (y_pred, y) of `engine.state.output`.
    device : str or torch.device, optional
        Where the sums are kept.

    Raises
    ------
    LungXferError
        When `smooth` is not above 0, and during the run for predictions that are no probabilities.

    Examples
    --------
    In the YAML of a bundle::

        additional_metrics:
          val_loss:
            _target_: monai_lungxfer.metrics.cumulative.ValidationDiceLoss
            output_transform: "$monai.handlers.from_engine(['pred', 'label'])"
    """

    _state_dict_all_req_keys = ("_overlap", "_sizes", "_num_examples")

    def __init__(
        self,
        smooth: float = 1.0,
        output_transform: Callable = lambda x: x,
        device: str | torch.device = "cpu",
    ) -> None:
        if smooth <= 0:
            raise LungXferError(f"smooth is {smooth}, but must be above 0", remedy="Use 1, the value of the paper")
        self._smooth = smooth
        super().__init__(output_transform, device=device)

    @reinit__is_reduced
    def reset(self) -> None:
        """Forget all images."""
        self._overlap = torch.zeros((), dtype=self._double_dtype, device=self._device)
        self._sizes = torch.zeros((), dtype=self._double_dtype, device=self._device)
        self._num_examples = 0

    @reinit__is_reduced
    def update(self, output: tuple[Any, Any]) -> None:
        """Add the images of one batch, given as (y_pred, y)."""
        for y_pred, y in zip(*output, strict=True):
            probability, truth = check_pair(y_pred[None], y[None])
            self._overlap += (probability * truth).sum(dtype=self._double_dtype).to(self._device)
            self._sizes += (probability.sum(dtype=self._double_dtype) + truth.sum()).to(self._device)
            self._num_examples += 1

    @sync_all_reduce("_overlap", "_sizes", "_num_examples")
    def compute(self) -> float:
        """Return the loss over all images of all processes; NotComputableError is raised when there was none."""
        if self._num_examples == 0:
            raise NotComputableError("ValidationDiceLoss must have at least one image before it can be computed.")
        return float(1 - (2 * self._overlap + self._smooth) / (self._sizes + self._smooth))
