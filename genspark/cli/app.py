"""The program and how a command is declared: its parameters here, what it does in `genspark.terminal`."""

from __future__ import annotations

import functools
import importlib
import os
import signal
import sys
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Annotated, Any

import typer

from genspark.errors import GensparkError
from genspark.storage.secrets import masked
from genspark.version import VERSION

Declared = Callable[..., None]
app = typer.Typer(
    help="Prepare sharded data for training generative models: one YAML in, a Delta table out.",
    epilog="example: genspark run conf/taxis.yaml",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def command(panel: str, example: str, module: str, of: typer.Typer = app) -> Callable[[Declared], Declared]:
    """Declare a command by a function without a body: its name, parameters and docstring are those of the command.

    The function of the same name in `genspark.terminal.<module>` gets them as attributes of one object. It is imported
    when the command runs: a mistake in the arguments, or --help, imports no data library.
    """

    def declare(function: Declared) -> Declared:
        name = function.__name__.rstrip("_")
        before = "genspark" if of is app else f"genspark {of.info.name}"

        @functools.wraps(function)
        def run(**given: Any) -> None:
            code = _ended(lambda: getattr(importlib.import_module(f"genspark.terminal.{module}"), name), given)
            if code:
                raise typer.Exit(code)

        return of.command(name, rich_help_panel=panel, epilog=f"example: {before} {name} {example}")(run)

    return declare


def _ended(found: Callable[[], Callable[[SimpleNamespace], None]], given: dict[str, Any]) -> int:
    """The exit code of a command, whose errors are told on standard error."""
    arguments = SimpleNamespace(**given)
    try:
        work = found()
        importlib.import_module("genspark.terminal.places").put_places(arguments)
        work(arguments)
    except GensparkError as error:
        _tell(masked(str(error)), error.exit_code, given)
        return error.exit_code
    except KeyboardInterrupt as error:
        code = 128 + signal.SIGINT
        _tell(f"interrupted; {str(error) or 'the table is as it was'}", code, given)
        return code
    except BrokenPipeError:
        # The reader of our output went away, as `| head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _tell(error: str, code: int, given: Mapping[str, Any]) -> None:
    if given.get("log") == "json":
        from genspark.terminal.progress import log_json

        log_json("error", message=error, exit_code=code)
    else:
        print(f"genspark: {error}", file=sys.stderr)


def _version(is_asked: bool) -> None:
    if is_asked:
        print(f"genspark {VERSION}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass
