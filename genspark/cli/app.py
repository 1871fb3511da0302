"""The program and how a command is declared: its parameters here, what it does in `genspark.terminal`."""

from __future__ import annotations

import difflib
import functools
import importlib
import itertools
import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from genspark.errors import GensparkError, did_you_mean
from genspark.storage.secrets import masked
from genspark.version import VERSION

Declared = Callable[..., None]
UsageError: Any = typer.BadParameter.__base__
"""What Typer raises of arguments that a command cannot take; of its own click, or of the one beside it."""
OTHER_WORDS = {"--override": "--set", "--param": "--set"}
"""Options that other programs have, and what commands of this one have in their place."""
app = typer.Typer(
    help="Prepare sharded data for training generative models: one YAML in, a Delta table out.",
    epilog="example: genspark run conf/taxis.yaml",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Command(TyperCommand):
    """A command that tells which options it has where it is given another."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments. Raises UsageError with what is wrong with them."""
        try:
            return super().parse_args(ctx, args)
        except UsageError as error:
            # Typer itself suggests what is written much like it.
            if getattr(error, "possibilities", None) == []:
                error.message = error.message.rstrip(".") + self._meant(ctx, error.option_name)
            raise

    def _meant(self, ctx: Any, given: str) -> str:
        known = [name for one in self.get_params(ctx) for name in one.opts if name.startswith("--")]
        others = [word for word, name in OTHER_WORDS.items() if name in known]
        near = difflib.get_close_matches(given, others, n=1)
        return did_you_mean(OTHER_WORDS[near[0]] if near else given, known)


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

        told = f"example: {before} {name} {example}"
        return of.command(name, cls=Command, rich_help_panel=panel, epilog=told)(run)

    return declare


def run_app(words: Sequence[str]) -> int:
    """Run a command by its words and return its exit code. Mistakes in the words are told as all errors are."""
    if not _is_json(words):
        app(list(words), prog_name="genspark")
        return 0
    try:
        return app(list(words), prog_name="genspark", standalone_mode=False) or 0
    except UsageError as error:
        # Where there are no words at all, Typer shows the help and says nothing.
        _tell(error.format_message() or "Missing command.", error.exit_code, "UsageError", is_json=True)
        return int(error.exit_code)


def _is_json(words: Sequence[str]) -> bool:
    """Whether errors are told as JSON: by --log among the words of a command, or else by the environment."""
    given = [after for word, after in itertools.pairwise(words) if word == "--log"]
    given += [word.removeprefix("--log=") for word in words if word.startswith("--log=")]
    return (given[-1] if given else os.environ.get("GENSPARK_LOG")) == "json"


def _ended(found: Callable[[], Callable[[SimpleNamespace], None]], given: dict[str, Any]) -> int:
    """The exit code of a command, whose errors are told on standard error."""
    arguments = SimpleNamespace(**given)
    is_json = given.get("log", os.environ.get("GENSPARK_LOG")) == "json"
    try:
        work = found()
        importlib.import_module("genspark.terminal.places").put_places(arguments)
        work(arguments)
    except GensparkError as error:
        _tell(masked(str(error)), error.exit_code, type(error).__name__, is_json=is_json)
        return error.exit_code
    except KeyboardInterrupt as error:
        code = 128 + signal.SIGINT
        _tell(f"interrupted; {str(error) or 'the table is as it was'}", code, "KeyboardInterrupt", is_json=is_json)
        return code
    except BrokenPipeError:
        # The reader of our output went away, as `| head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _tell(error: str, code: int, kind: str, *, is_json: bool) -> None:
    if is_json:
        from genspark.terminal.events import log_json

        log_json("error", message=error, exit_code=code, kind=kind)
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
