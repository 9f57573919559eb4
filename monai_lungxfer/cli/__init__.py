"""The command line ``lungxfer``. Nothing heavy is imported before a command runs, so that help appears at once."""

from __future__ import annotations

import inspect
import logging
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from monai_lungxfer import __version__
from monai_lungxfer.cli import (
    adapt,
    bundles,
    compare,
    data,
    drift,
    evaluate,
    features,
    predict,
    refine,
    registry,
    review,
    robustness,
    select,
    serve,
    study,
    train,
    weights,
)
from monai_lungxfer.cli.console import (
    FILE_ONLY,
    configure_logging,
    console,
    emit_json,
    error_console,
    reported_failures,
)
from monai_lungxfer.cli.options import Json
from monai_lungxfer.utils.errors import root_cause
from monai_lungxfer.utils.exit_codes import EXIT_INTERRUPTED, EXIT_PARTIAL, EXIT_TERMINATED
from monai_lungxfer.utils.extras import explain_missing
from monai_lungxfer.utils.log_redaction import report_stray_errors
from monai_lungxfer.utils.threads import wait_asleep

logger = logging.getLogger(__name__)

EPILOG = (
    "Exit codes: 0 all done; 1 some inputs were skipped or some checks failed, the rest is done; "
    "2 wrong usage or input, nothing done; 3 unexpected error; 4 a Ray cluster was lost, the rest can be resumed; "
    "5 drift: too few radiographs to judge; "
    "130 interrupted; 143 terminated.\n\n"
    "Put global options before the command: lungxfer --debug predict ..."
)


class _ReportingGroup(TyperGroup):
    """The root command, which reports every failure of the commands below it."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Keep the command's whole name, such as "data prepare", for the log file."""
        name, command, rest = super().resolve_command(ctx, args)
        ctx.obj = " ".join([name or "", *(word for word in rest[:1] if word in getattr(command, "commands", ()))])
        return name, command, rest

    def invoke(self, ctx: Any) -> Any:
        with reported_failures(debug=ctx.params["debug"]):
            try:
                return super().invoke(ctx)
            except Exception as error:
                if (missing := explain_missing(root_cause(error), f'"lungxfer {ctx.obj}"')) is not None:
                    raise missing from error
                known = {option for parameter in self.params for option in parameter.opts}
                if getattr(error, "option_name", None) in known:  # of an option that no command below has
                    error.message += " here. It is a global option: put it before the command"  # type: ignore[attr-defined]
                raise


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
    ctx: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback has done the work
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show details and progress of libraries.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show errors only.")] = False,
    log_file: Annotated[
        Path | None,
        typer.Option("--log-file", metavar="FILE", help="Also append all messages, with times, to a file."),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: ARG001
) -> None:
    """Segment lungs in portable chest radiographs, and train the networks for it in stages."""
    if verbose and quiet:
        raise typer.BadParameter("--verbose and --quiet exclude each other")
    configure_logging(verbose=verbose, quiet=quiet, log_file=log_file)
    logger.info("lungxfer %s, %s", __version__, ctx.obj, extra={FILE_ONLY: True})


app.command("predict", epilog=predict.EXAMPLES)(predict.predict)
app.command("segment", epilog=predict.EXAMPLES, hidden=True)(predict.predict)
app.command("review", epilog=review.EXAMPLES)(review.review)
app.command("select", epilog=select.EXAMPLES)(select.select)
app.command("adapt", epilog=adapt.EXAMPLES)(adapt.adapt)
app.command("drift", epilog=drift.EXAMPLES)(drift.drift)
app.command("train", epilog=train.EXAMPLES)(train.train)
app.command("evaluate", epilog=compare.EXAMPLES)(evaluate.evaluate)
app.command("refine", epilog=refine.EXAMPLES)(refine.refine)
app.command("features", epilog=features.EXAMPLES)(features.features)
app.command("compare", epilog=compare.EXAMPLES)(compare.compare)
app.command("robustness", epilog=robustness.EXAMPLES)(robustness.robustness)
app.command("transfer")(train.transfer)
app.add_typer(study.study_app, name="study")
app.add_typer(data.data_app, name="data")
app.add_typer(weights.weights_app, name="weights")
app.add_typer(bundles.bundles_app, name="bundles")
app.add_typer(registry.registry_app, name="registry")
app.add_typer(serve.serve_app, name="serve")


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check versions, device, DICOM codecs, memory, disk, bundles and weights. Exit code 1: something is missing."""
    from monai_lungxfer.checks.installation import run_checks

    checks = run_checks()
    usable = all(check.status != "missing" for check in checks)
    if as_json:
        emit_json({"usable": usable, "checks": [vars(check) for check in checks]})
    else:
        from rich.table import Table
        from rich.text import Text

        table = Table("what", "state", "found", box=None)
        for check in checks:
            table.add_row(check.name, Text(check.status, style=bundles.STYLES[check.status]), check.found)
        console.print(table)
        for check in checks:
            if check.remedy:
                typer.echo(f"{check.name}: {check.remedy}")
    if not usable:
        raise typer.Exit(EXIT_PARTIAL)


def _join_help_lines(commands: typer.Typer) -> None:
    """Make one line of each paragraph of the commands' help: Typer keeps line breaks after the first paragraph."""
    for command in commands.registered_commands:
        paragraphs = inspect.cleandoc(command.callback.__doc__ or "").split("\n\n")
        command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    for group in commands.registered_groups:
        if group.typer_instance is not None:
            _join_help_lines(group.typer_instance)


_join_help_lines(app)


def _terminate(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature that `signal` asks for
    # An exception, unlike the default action, lets files, MLflow runs and worker processes be closed.
    sys.exit(EXIT_TERMINATED)


def main() -> None:
    """Run the command line: the entry point of the ``lungxfer`` script."""
    signal.signal(signal.SIGTERM, _terminate)
    report_stray_errors()
    wait_asleep()
    try:
        app()
    except KeyboardInterrupt:  # before a command runs: of its own, `reported_failures` tells
        error_console.print("Interrupted", style="red")
        sys.exit(EXIT_INTERRUPTED)
