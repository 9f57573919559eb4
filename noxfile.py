"""Sessions of nox, each in an environment of its own with the versions of constraints.txt: `nox -s tests-3.12`."""

import nox

nox.options.sessions = ["lint", "types", "docs", "tests"]


def install(session: nox.Session, *requirements: str) -> None:
    """Install at the tested versions."""
    session.install("--constraint", "constraints.txt", *requirements)


@nox.session(python=["3.11", "3.12"])
def tests(session: nox.Session) -> None:
    """Run the tests, all but the slow ones unless arguments say otherwise: `nox -s tests-3.12 -- tests/io`."""
    install(session, "--editable", ".[test]")
    session.run("pytest", *(session.posargs or ["-m", "not slow"]))


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting, and the direction of imports."""
    install(session, "ruff", "import-linter")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports", "--no-cache")


@nox.session
def types(session: nox.Session) -> None:
    """Check types."""
    install(session, "--editable", ".[dev]")
    session.run("mypy", "monai_lungxfer")


@nox.session
def docs(session: nox.Session) -> None:
    """Check that paths, links, options and names in the docs exist, and build the site: build/site/index.html."""
    install(session, "pytest", "--editable", ".[docs]")
    session.run("pytest", "--confcutdir", "tests/docs", "tests/docs/test_paths.py")
    session.run("sphinx-build", "-W", "--keep-going", "-q", "docs", "build/site")
    session.run("python", "docs/generate/check_site.py", "build/site")
