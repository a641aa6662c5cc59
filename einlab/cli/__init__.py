"""The command line: `einlab` and `python -m einlab`, one file per command.

Data goes to the standard output, everything else to the standard error. The exit codes are those of
`EXIT_CODES`. A command is imported when it is called, so that none waits for another's packages.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import click

from einlab.allocator import keep_memory
from einlab.cli.output import say
from einlab.errors import (
    ArgumentError,
    ArgumentTypeError,
    EinlabError,
    MemoryLimitError,
    MissingPackageError,
)

__all__ = ["COMMANDS", "EXIT_CODES", "commands", "main"]

COMMANDS = {
    "plan": "What a contraction costs, and in which order it should run.",
    "run": "Contract arrays from files.",
    "report": "What a JAX function costs, from the shapes of its arguments.",
    "budget": "What a transformer costs to train and to run, from its config.json.",
    "calibrate": "Measure this machine, so that times can be predicted and minimised.",
    "roofline": "How fast steps can run on machines, and what bounds them.",
    "compare": "How long a contraction takes on one machine and another, and whether it fits.",
    "demo": "See what a good order saves, and a sentence encoder made of contractions.",
    "drill": "Questions on what products mean and cost, checked as they are answered.",
    "cache": "Where the cache is, how much it holds; clear it.",
    "doctor": "What is installed, what is used, what is missing and how to get it.",
}
ALIASES = {"explain": "plan"}

EXIT_CODES = {
    0: "fine",
    1: "a check failed, or it could not run",
    2: "wrong usage",
    3: "a bad expression or a bad input file",
    4: "refused: a limit",
    130: "interrupted",
}

EPILOG = """\b
Exit codes:
""" + "\n".join(f"  {code:<4}{meaning}" for code, meaning in EXIT_CODES.items())

HELP = """What an einsum costs, in which order it should run, and running it.

\b
Examples:
  einlab plan 'ij,jk,kl->il' --shape 1000,10 --shape 10,1000 --shape 1000,1
  einlab plan 'batch key, key query -> batch query' --sizes batch=8,key=64,query=64
  einlab doctor

\b
Shell completion, for one session (put the line into ~/.bashrc or ~/.zshrc to keep it):
  bash  eval "$(_EINLAB_COMPLETE=bash_source einlab)"
  zsh   eval "$(_EINLAB_COMPLETE=zsh_source einlab)"
  fish  _EINLAB_COMPLETE=fish_source einlab | source
"""


class Commands(click.Group):
    """The group of all commands: imports the one that is called, and turns errors to exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"einlab.cli.{name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        alias = {name: f"{name} ({other})" for other, name in ALIASES.items()}
        with formatter.section("Commands"):
            formatter.write_dl([(alias.get(name, name), told) for name, told in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = [*COMMANDS, *ALIASES]
        if args and args[0] not in known and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], known, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
            if "->" in args[0]:
                hint = f"did you mean: einlab plan {args[0]!r} …?"
            ctx.fail(f"there is no command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> None:
        given = list(sys.argv[1:] if args is None else args)
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):  # a terminal without × shows ? and goes on
                stream.reconfigure(errors="replace")
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            code = self._exit_code(given, prog_name, extra)
        sys.exit(code)

    def _exit_code(self, given: list[str], prog_name: str | None, extra: dict[str, Any]) -> int:
        """Run, tell an error in words, and give the exit code; unexpected errors pass through."""
        try:
            code = super().main(given, prog_name, **{**extra, "standalone_mode": False})
            sys.stdout.flush()
        except click.Abort:
            say("interrupted")
            return 130
        except click.UsageError as error:
            error.show()
            _hint_dash(given)
            return 2
        except click.ClickException as error:
            say(f"Error: {error.format_message()}")
            return error.exit_code
        except EinlabError as error:
            say(f"Error: {error}")
            return _code_of(error)
        except BrokenPipeError:  # whoever read our output has gone: nobody is left to tell
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        return code if isinstance(code, int) else 0


def _code_of(error: EinlabError) -> int:
    if isinstance(error, MemoryLimitError):
        return 4
    if isinstance(error, MissingPackageError):
        return 1
    return 2 if isinstance(error, (ArgumentError, ArgumentTypeError)) else 3


def _hint_dash(given: Sequence[str]) -> None:
    """An equation such as '->' looks like an option; say how to give it."""
    for word in given[: given.index("--")] if "--" in given else given:
        if word.startswith("-") and not word.startswith("--") and ("->" in word or "," in word):
            say(f"an equation that begins with '-' comes last, after '--':  … -- '{word}'")
            return


def _warn(message: Warning | str, *_: object, **__: object) -> None:
    say(f"Warning: {message}")


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"einlab {importlib.import_module('einlab').__version__}")
        ctx.exit()


@click.command(cls=Commands, help=HELP, epilog=EPILOG, no_args_is_help=False)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Print the version and leave.",
)
def commands() -> None:
    """All commands; their help is `HELP`."""


def main() -> None:
    """Run the command line of this process, and leave with its exit code.

    A process that contracts and ends keeps freed memory: its large results come faster.
    """
    if sys.argv[1:2] and sys.argv[1] in ("run", "demo"):
        keep_memory()
    commands(prog_name="einlab")
