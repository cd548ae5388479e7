# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The verbs' home: one typer application, one place where errors become messages."""

import errno
import os
import signal
import sys
from typing import Annotated, NoReturn

import typer

from .. import lifetime
from ..errors import ImitationError
from ..version import __version__
from . import contracts, data, demo, edit, judge, learn, robot
from .compare import compare
from .lerobot import export_lerobot, import_lerobot
from .plugins import plugins
from .reward import reward
from .safety_report import safety_report

app = typer.Typer(
    name='imitation_ros',
    help='Teach a humanoid by showing it: record, train, deploy.',
    epilog=(
        'Try it without a robot: [bold]imitation_ros demo[/bold]. '
        'Every verb has its own --help with examples.'
    ),
    no_args_is_help=True,
    rich_markup_mode='rich',
    pretty_exceptions_enable=False,
    context_settings={'help_option_names': ['-h', '--help']},
)

RECORD, SORT, TRAIN, DEPLOY = 'Record', 'Sort out', 'Train', 'Deploy'
LOOK = 'Look closer'
FULL = (errno.ENOSPC, errno.EDQUOT)
"""What the disk answers when there is no room; such an error names no file."""
VERB_PATIENCE_S = 60.0
"""How long a verb whose parent is gone has for its clean-up, such as a checkpoint [s]."""


def show_version(wanted: bool) -> None:
    """Print the version and end, if that was asked."""
    if wanted:
        print(f'imitation_ros {__version__}')
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            '--version', callback=show_version, is_eager=True, help='Show the version and exit.'
        ),
    ] = False,
) -> None:
    """Teach a humanoid by showing it: record, train, deploy."""


app.command('sim', rich_help_panel=RECORD)(robot.sim)
app.command('teleop', rich_help_panel=RECORD)(robot.teleop)
app.command('record', rich_help_panel=RECORD)(robot.record)
app.command('audit', rich_help_panel=RECORD)(data.audit)
app.command('repair', rich_help_panel=RECORD)(data.repair)
for verb in (edit.trim, edit.drop, edit.relabel, edit.merge):
    app.command(verb.__name__, rich_help_panel=SORT)(verb)
app.command('contract-from-bag', rich_help_panel=TRAIN)(contracts.contract_from_bag)
app.command('convert', rich_help_panel=TRAIN)(data.convert)
app.command('export-lerobot', rich_help_panel=TRAIN)(export_lerobot)
app.command('import-lerobot', rich_help_panel=TRAIN)(import_lerobot)
app.command('collect', rich_help_panel=TRAIN)(learn.collect)
app.command('train', rich_help_panel=TRAIN)(learn.train)
app.command('export', rich_help_panel=TRAIN)(learn.export)
app.command('evaluate', rich_help_panel=TRAIN)(judge.evaluate)
app.command('safety', rich_help_panel=DEPLOY)(robot.safety)
app.command('deploy', rich_help_panel=DEPLOY)(robot.deploy)
app.command('check', rich_help_panel=LOOK)(robot.check)
app.command('compare', rich_help_panel=LOOK)(compare)
app.command('safety-report', rich_help_panel=LOOK)(safety_report)
app.command('report', rich_help_panel=LOOK)(judge.report)
app.command('reward', rich_help_panel=LOOK)(reward)
app.command('plugins', rich_help_panel=LOOK)(plugins)
app.command('demo', rich_help_panel=LOOK)(demo.demo)


def fail(error: ImitationError) -> NoReturn:
    """Print an error of ours as a message, not as a traceback."""
    print(f'error: {error}', file=sys.stderr)
    sys.exit(1)


def main() -> None:
    """Run the command line; exit code 1 for an error of ours, 2 for wrong usage.

    A closed terminal and `kill` end every verb as Ctrl-C does.
    """
    heard = [n for n in lifetime.ENDING if signal.getsignal(n) != signal.SIG_IGN]
    lifetime.on_ending(signal.default_int_handler, heard)
    lifetime.follow_parent(lambda: os.kill(os.getpid(), signal.SIGTERM), VERB_PATIENCE_S)
    try:
        app()
    except ImitationError as error:
        fail(error)
    except OSError as error:
        if error.filename is None and error.errno not in FULL:
            raise
        where = '' if error.filename is None else f'{error.filename}: '
        print(f'error: {where}{error.strerror}', file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except ModuleNotFoundError as error:
        missing = (error.name or '').split('.')[0]
        if missing == 'imitation_ros':
            raise
        print(
            f'error: this verb needs "{missing}", which is not installed here; '
            "pip install 'imitation_ros[all]' has everything",
            file=sys.stderr,
        )
        sys.exit(1)
