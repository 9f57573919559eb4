"""Operators of the MONAI Deploy application: which radiographs of a study, and their segmentations.

They are the inference core, the reader and the writer of ``lungxfer predict``, each behind a port. The SDK's own
operators for DICOM do not fit radiographs: its selector judges a series by the header of its first image, so that a
frontal view behind a lateral one of the same series is missed, and it writes header values into the log; its loader
passes over files without the preamble of PS3.10 and holds the pixel data of all files at once; its bundle operator
takes volumes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from monai.deploy.core import Fragment, Operator, OperatorSpec

from monai_lungxfer.inference.batch import predict_files
from monai_lungxfer.inference.inputs import find_inputs
from monai_lungxfer.inference.outputs import OutputOptions
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.inference.tables import Prediction
from monai_lungxfer.serving.deploy.model import find_model_bundle
from monai_lungxfer.utils.errors import OutputError

RADIOGRAPHS = "radiographs"
"""The port between the two."""


class FrontalChestSelector(Operator):
    """Emits the files of a study: a folder of DICOM files, searched with all folders below it, or one file.

    The output ``radiographs`` is what `find_inputs` returns. The next operator leaves out what is no frontal chest
    radiograph by its header.
    """

    def __init__(self, fragment: Fragment, *args: Any, study: Path, **kwargs: Any) -> None:
        self._study = study
        super().__init__(fragment, *args, **kwargs)

    def setup(self, spec: OperatorSpec) -> None:
        """Declare the port."""
        spec.output(RADIOGRAPHS)

    def compute(self, op_input: Any, op_output: Any, context: Any) -> None:  # noqa: ARG002 - the SDK's signature
        """Search the study, in which there must be an image."""
        op_output.emit(find_inputs([self._study]), RADIOGRAPHS)


class LungSegmenter(Operator):
    """Writes a DICOM Segmentation for each radiograph, and the tables of ``lungxfer predict``.

    The `model` is as for `find_model_bundle`. The folder `results` must be empty, and `options` say what is written
    there. After the application has run, `predictions` tell what became of each file. The input ``radiographs`` is as
    `FrontalChestSelector` emits it.
    """

    def __init__(
        self,
        fragment: Fragment,
        *args: Any,
        model: Path,
        results: Path,
        options: OutputOptions,
        **kwargs: Any,
    ) -> None:
        self._model = model
        self._results = results
        self._options = options
        self.predictions: list[Prediction] = []
        super().__init__(fragment, *args, **kwargs)

    def setup(self, spec: OperatorSpec) -> None:
        """Declare the port."""
        spec.input(RADIOGRAPHS)

    def compute(self, op_input: Any, op_output: Any, context: Any) -> None:  # noqa: ARG002 - the SDK's signature
        """Segment what has arrived."""
        if self._results.exists() and any(self._results.iterdir()):
            raise OutputError(
                "the output folder is not empty",
                source=self._results,
                remedy="Give an empty one: what lies there could be taken for a result of this study",
            )
        folder, weights = find_model_bundle(self._model)
        segmenter = Segmenter.from_bundle(folder, weights=weights)
        self.predictions = predict_files(segmenter, op_input.receive(RADIOGRAPHS), self._results, self._options)
