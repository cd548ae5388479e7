# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command line as a user meets it: help, messages, exit codes."""

from pathlib import Path
import subprocess
import sys

from onnx_models import write_hold
import pytest
from rich.markup import render
from typer.main import get_group

from imitation_ros.cli.app import app
from imitation_ros.contract import Contract

VERBS = sorted(str(command.name) for command in app.registered_commands)


def run(*words: str, cwd: Path | None = None) -> 'subprocess.CompletedProcess[str]':
    return subprocess.run(
        [sys.executable, '-m', 'imitation_ros', *words],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
        timeout=120,
    )


def test_the_verbs_of_the_three_moves_are_there() -> None:
    expected = {'record', 'audit', 'convert', 'train', 'export', 'deploy', 'evaluate', 'report'}
    assert expected | {'check', 'demo', 'repair'} <= set(VERBS)


@pytest.mark.parametrize('verb', VERBS)
def test_every_verb_helps_with_an_example(verb: str) -> None:
    done = run(verb, '--help')
    assert done.returncode == 0
    assert f'imitation_ros {verb}' in done.stdout
    assert 'Example' in done.stdout


@pytest.mark.parametrize('verb', VERBS)
def test_help_shows_what_stands_in_brackets(verb: str) -> None:
    command = get_group(app).commands[verb]
    texts = [
        command.help or '',
        *(getattr(option, 'help', None) or '' for option in command.params),
    ]
    for text in texts:
        assert render(text).plain == text.replace(r'\[', '['), 'a unit in brackets is not a style'


def test_no_argument_shows_the_verbs() -> None:
    done = run()
    assert 'record' in done.stdout + done.stderr


def test_a_wrong_verb_is_wrong_usage() -> None:
    assert run('recrd').returncode == 2


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['check', '--robot', 'imi_humanod'], 'did you mean "imi_humanoid"'),
        (['audit', 'nowhere'], 'nowhere: there is no such file or folder'),
        (['convert', 'nowhere', '--out', 'data'], 'nowhere'),
        (['train', '--data', 'nowhere', '--out', 'run'], 'nowhere is not a dataset'),
        (['train', '--data', '.', '--out', 'run', '--method', 'bd'], '"bd"'),
        (['export', 'nowhere', '--data', 'nowhere'], 'nowhere'),
        (['evaluate', 'no.onnx'], 'which task'),
        (['evaluate', 'no.onnx', '--task', 'lift'], 'no.onnx'),
        (['deploy', 'no.onnx'], 'no.onnx'),
        (['deploy', 'no.onnx', '--teleop', 'keyboard'], 'in a terminal of its own'),
        (['record', '--task', 'x', '--compress', 'jpg'], 'did you mean "jpeg"'),
        (['report', 'nowhere'], 'nowhere: there is no such folder'),
    ],
)
def test_an_error_is_one_message_and_no_traceback(
    words: list[str], message: str, tmp_path: Path
) -> None:
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith('error: ')
    assert message in done.stderr
    assert 'Traceback' not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_check_shows_the_robot() -> None:
    done = run('check')
    assert done.returncode == 0, done.stderr
    assert '33 joints' in done.stdout
    assert 'self-collision' in done.stdout


def test_a_folder_that_cannot_be_made_is_one_message(contract: Contract, tmp_path: Path) -> None:
    """Told before the work, by the name of what is in the way."""
    (tmp_path / 'file').write_text('in the way')
    write_hold(tmp_path / 'policy.onnx', contract)
    there = sorted(tmp_path.iterdir())
    evaluate = ('evaluate', 'policy.onnx', '--task', 'lift', '--trials', '1')
    for words in (
        ('collect', '--task', 'reach', '-n', '1', '--out', 'file/data'),
        ('report', '.', '--out', 'file/report.html'),
        (*evaluate, '--out', 'file/trials.json'),
        (*evaluate, '--pictures', 'file/strips'),
    ):
        done = run(*words, cwd=tmp_path)
        assert done.returncode == 1
        assert 'Traceback' not in done.stderr
        assert done.stderr.startswith('error: file')
        assert 'Not a directory' in done.stderr or 'File exists' in done.stderr
        assert 'succeeded' not in done.stdout
        assert sorted(tmp_path.iterdir()) == there


def test_deploy_knows_the_tasks_before_it_starts_a_node(
    contract: Contract, tmp_path: Path
) -> None:
    write_hold(tmp_path / 'policy.onnx', contract)
    done = run('deploy', 'policy.onnx', '--sim', '--task', 'lfit', cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith('error: "lfit" is not a task; did you mean "lift"?')
    assert 'summary' not in done.stderr


def test_a_training_of_no_updates_is_wrong_usage() -> None:
    assert run('train', '--data', 'd', '--out', 'o', '--updates', '0').returncode == 2
