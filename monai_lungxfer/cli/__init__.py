"""The command line ``lungxfer``. Nothing heavy is imported before a command runs, so that help appears at once."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from monai_lungxfer import __version__
from monai_lungxfer.cli import bundles, data, doctor, predict, registry, serve, study, study_report, train, weights
from monai_lungxfer.cli.console import configure_logging, reported_failures
from monai_lungxfer.utils.exit_codes import EXIT_TERMINATED

__all__ = ["app", "main"]

EPILOG = (
    "Exit codes: 0 all done; 1 some inputs were skipped or some checks failed, the rest is done; "
    "2 wrong usage or input, nothing done; 3 unexpected error; 130 interrupted; 143 terminated.\n\n"
    "Put global options before the command: lungxfer --debug predict ..."
)


class _ReportingGroup(TyperGroup):
    """The root command, which reports every failure of the commands below it."""

    def invoke(self, ctx: Any) -> Any:
        with reported_failures(debug=ctx.params["debug"]):
            return super().invoke(ctx)


app = typer.Typer(
    name="lungxfer",
    cls=_ReportingGroup,
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lungxfer {__version__}")
        raise typer.Exit


@app.callback()
def lungxfer(
    version: Annotated[  # noqa: ARG001 - its callback has done the work
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show details and what libraries report.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show errors only.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: ARG001
) -> None:
    """Segment lungs in portable chest radiographs, and train the networks for it in stages."""
    if verbose and quiet:
        raise typer.BadParameter("--verbose and --quiet exclude each other")
    configure_logging(verbose=verbose, quiet=quiet)


app.command("predict")(predict.predict)
app.command("train")(train.train)
app.command("evaluate")(train.evaluate)
app.command("transfer")(train.transfer)
study.study_app.command("report")(study_report.report)
app.add_typer(study.study_app, name="study")
app.add_typer(data.data_app, name="data")
app.add_typer(weights.weights_app, name="weights")
app.add_typer(bundles.bundles_app, name="bundles")
app.add_typer(registry.registry_app, name="registry")
app.add_typer(serve.serve_app, name="serve")
app.command("doctor")(doctor.doctor)


def _terminate(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature that `signal` asks for
    # An exception, unlike the default action, lets files, MLflow runs and worker processes be closed.
    sys.exit(EXIT_TERMINATED)


def main() -> None:
    """Run the command line: the entry point of the ``lungxfer`` script."""
    signal.signal(signal.SIGTERM, _terminate)
    app()
