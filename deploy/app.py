"""MONAI Deploy application: a DICOM study in, DICOM Segmentations of the lungs out. Not a medical device.

    python app.py -i STUDY -o RESULTS -m MODEL

Needs the packages of requirements.txt and monai_lungxfer itself. Exit codes: 0 done; 1 some files could not be read;
2 wrong usage, or nothing could be segmented; 3 unexpected.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from holoscan.logger import LogLevel, set_log_level
from monai.deploy.conditions import CountCondition
from monai.deploy.core import AppContext, Application, parse_args

from monai_lungxfer.serving.deploy import log as deploy_log
from monai_lungxfer.serving.deploy.operators import RADIOGRAPHS, FrontalChestSelector, LungSegmenter
from monai_lungxfer.serving.deploy.settings import output_options
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.exit_codes import EXIT_INTERNAL, EXIT_USAGE
from monai_lungxfer.utils.log_redaction import close_output, report_stray_errors

logger = logging.getLogger("monai_lungxfer.serving.deploy")

CONFIG = Path(os.environ.get("HOLOSCAN_CONFIG_PATH", Path(__file__).with_name("app.yaml")))
"""In a MONAI Application Package, the file that it was packaged with."""


class LungSegmentationApp(Application):
    """From the files of a study to those that are frontal chest radiographs, to their segmentations."""

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.paths = context

    def compose(self) -> None:
        """Connect the operators."""
        once = CountCondition(self, 1)  # a source runs again and again otherwise
        selector = FrontalChestSelector(self, once, study=Path(self.paths.input_path), name="selector")
        self.segmenter = LungSegmenter(
            self,
            model=Path(self.paths.model_path),
            results=Path(self.paths.output_path),
            options=output_options(CONFIG),
            name="segmenter",
        )
        self.add_flow(selector, self.segmenter, {(RADIOGRAPHS, RADIOGRAPHS)})


def main() -> int:
    """Run the application by the SDK's command line and environment variables; return the exit code."""
    arguments = parse_args()
    if arguments.log_level == "DEBUG":
        deploy_log.configure(arguments.log_level)
    else:
        set_log_level(LogLevel.OFF)  # it would repeat an exception with its paths
        deploy_log.configure(arguments.log_level, close_output())
        report_stray_errors()
    try:
        # Not the SDK's init_app_context, which logs the paths.
        app = LungSegmentationApp(AppContext({name: value for name, value in vars(arguments).items() if value}))
        app.run()
    except LungXferError as error:
        logger.error("%s", error.without_source)
        return EXIT_USAGE
    except Exception as error:  # the last line of defence; a message may quote a header
        logger.error(
            "unexpected %s; -l DEBUG shows where", type(error).__name__, exc_info=arguments.log_level == "DEBUG"
        )
        return EXIT_INTERNAL
    return deploy_log.report(app.segmenter.predictions)


if __name__ == "__main__":
    sys.exit(main())
