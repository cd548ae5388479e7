# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The report: complete from a whole run, honest from an empty one, and one file in any case."""

from dataclasses import replace
from html.parser import HTMLParser
import io
import json
from pathlib import Path
import shutil

from onnx_models import make_spec
import pytest
from rich.console import Console
import torch
from typer.testing import CliRunner

from imitation_ros.cli.app import app
from imitation_ros.errors import DataError
from imitation_ros.reports.run_folder import ReportData
from imitation_ros.reports.run_page import render, summary_table, write_report
from imitation_ros.training import checkpoint

pytestmark = pytest.mark.sim

VOID = {'meta', 'img', 'br', 'hr', 'link', 'path', 'use', 'rect', 'circle', 'line'}


class Page(HTMLParser):
    """Collects what a page refers to, and checks that its elements are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.images = 0
        self.plots = 0
        self.text = ''
        self._open: list[str] = []
        self.feed(text)
        assert not self._open, f'never closed: {self._open}'

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.images += tag == 'img'
        self.plots += tag == 'svg'
        assert tag not in ('script', 'link', 'iframe')
        self.references += [
            value or '' for name, value in attributes if name in ('src', 'href', 'xlink:href')
        ]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1] != 'style':
            self.text += data + ' '


@pytest.fixture(scope='module')
def data(run_folder: Path) -> ReportData:
    return ReportData.from_run(run_folder)


def test_everything_in_the_folder_is_found(data: ReportData) -> None:
    assert data.problems == ()
    assert data.task == 'reach'
    # The third was never finished: only the audit knows it.
    assert [(row.outcome, row.verdict) for row in data.episodes or ()] == [
        ('success', 'ok'),
        ('success', 'warn'),
        ('unknown', 'reject'),
    ]
    assert (data.dataset_episodes, data.policy_hz) == (2, 25.0)
    assert {age.modality for age in data.ages} >= {'joint_states', 'head_camera', 'object'}
    assert all(0 <= age.p50_ms <= age.p99_ms <= age.max_ms < 100 for age in data.ages)
    assert data.training is not None and data.training.updates == 200
    assert (data.training.held_out_error, data.training.hold_error) == (0.0025, 0.08)
    assert data.model is not None and data.model['method'] == 'bc'
    assert data.total_s == 183.75
    assert data.trials is not None and data.trials.latency is not None
    assert data.trials.latency.p50_ms == pytest.approx(3.0)
    titles = [strip.title for strip in data.strips]
    assert titles == [
        'Demonstration reach_0001',
        'Trial from seed 101: failure',
        'Trial from seed 100: success',
    ]
    assert [trace.title for trace in data.traces] == ['Commands: Trial from seed 101: failure']


def test_the_page_is_whole_and_needs_no_other_file(data: ReportData) -> None:
    text = render(data)
    page = Page(text)
    # Data URIs, and marks inside the plots themselves.
    assert all(r.startswith(('data:image/png;base64,', '#')) for r in page.references)
    assert 'http' not in text and '@import' not in text and 'url(http' not in text
    assert page.images == 3 * 6
    assert page.plots == 4
    assert 'not measured' not in page.text
    assert '2 of 3 trials succeeded' in page.text
    assert text.index('Trial from seed 101') < text.index('Demonstration reach_0001')
    assert page.text.index('reach_0003') < page.text.index('100 Hz, not 200')
    for words in (
        'velocity',
        'collision',
        '21\N{NO-BREAK SPACE}%',
        '6.5e-07 rad apart on 256 recorded, 99 random frames',
    ):
        assert words in page.text, words


def test_a_warning_about_the_trials_is_on_the_page(data: ReportData) -> None:
    assert data.trials is not None and 'warning' not in Page(render(data)).text
    odd = replace(data, trials=replace(data.trials, warnings=('trained for lift',)))
    assert 'warning  trained for lift' in Page(render(odd)).text
    out = io.StringIO()
    Console(file=out, width=120).print(summary_table(odd))
    assert 'trained for lift' in out.getvalue()


def test_what_went_wrong_on_purpose_is_on_the_page(data: ReportData) -> None:
    assert data.trials is not None and 'Tried under' not in Page(render(data)).text
    wrong = {'perturb': ['push:2'], 'spread': 1.6, 'filter': False}
    hard = replace(data, trials=replace(data.trials, conditions=wrong))
    words = 'Tried under: push:2, starts spread by 1.6, without the safety filter.'
    assert words in Page(render(hard)).text


def test_the_figures_stand_beside_the_page(data: ReportData, tmp_path: Path) -> None:
    beside = write_report(data, tmp_path / 'report.html')
    assert sorted(path.name for path in tmp_path.iterdir()) == ['report.html', 'report.json']
    values = json.loads(beside.read_text())
    assert values['trials']['rate']['low'] == pytest.approx(0.2077, abs=1e-4)
    assert values['dataset']['frames'] == data.frames
    assert values['training']['hold_error'] == 0.08
    assert values['stages']['train'] == 42.0


def test_the_terminal_shows_the_same(data: ReportData) -> None:
    out = io.StringIO()
    Console(file=out, width=120).print(summary_table(data))
    for words in ('reach: 2 of 3 trials', 'velocity 4, collision 2', '200 updates', 'p99 3.0 ms'):
        assert words in out.getvalue(), words


def test_an_empty_run_claims_nothing(tmp_path: Path) -> None:
    (tmp_path / 'bags').mkdir()
    data = ReportData.from_run(tmp_path)
    page = Page(render(data))
    assert 'not deployed yet' in page.text
    assert page.images == page.plots == 0
    assert page.text.count('not measured') >= 10
    out = io.StringIO()
    Console(file=out, width=120).print(summary_table(data))
    assert out.getvalue().count('not measured') >= 10
    values = data.to_dict()
    for key in ('task', 'episodes', 'dataset', 'training', 'model', 'trials', 'stages'):
        assert values[key] is None, key


@pytest.mark.parametrize('method', ['bc', 'irl-airl'])
def test_the_folder_of_a_training_shows_what_a_training_knows(tmp_path: Path, method: str) -> None:
    """Its curves, errors, data and cost, and not a page of what only a whole run measures."""
    supervised = {'loss': 0.5, 'held_out_loss': 0.4, 'held_out_mae': 0.02, 'hold_mae': 0.08}
    practised = {'held_out_success': 0.5, 'steps': 1800, 'cpu_seconds': 9.0, 'success': 0.4}
    rows = [
        {'update': n, 'seconds': 3.0, **(supervised if method == 'bc' else practised)}
        for n in (1, 2)
    ]
    text = ''.join(json.dumps(row) + '\n' for row in rows)
    (tmp_path / 'metrics.jsonl').write_text(text)
    values = {
        'method': method,
        'config': {'method': 'bc'},
        'data': {'episodes': ['lift_0001', 'lift_0002'], 'frames': [70, 30]},
        'episodes': {'train': ['lift_0001'], 'held_out': ['lift_0002']},
        'contract_hash': 'a' * 64,
        'observation': make_spec().to_dict(),
    }
    before = ReportData.from_run(tmp_path)
    assert 'a training of nothing yet' in Page(render(before)).text
    checkpoint.write(tmp_path / 'checkpoints' / 'best.safetensors', {'x': torch.ones(1)}, values)
    data = ReportData.from_run(tmp_path)
    page = Page(render(data))
    assert f'lift: a training of {method}' in page.text
    assert 'evaluate policy.onnx --task lift' in page.text
    assert page.plots == (2 if method == 'bc' else 1)
    out = io.StringIO()
    Console(file=out, width=120).print(summary_table(data))
    expected = {
        'bc': ('0.0200 rad; holding still 0.0800', '2 updates in 3.0 s'),
        'irl-airl': ('9 CPU-s, 1800 simulated steps', '50\N{NO-BREAK SPACE}% at the beginning'),
    }
    for words in ('1 episode, 70 frames', *expected[method]):
        assert words in page.text and words in out.getvalue(), words
    for told in (page.text, out.getvalue()):
        assert 'not measured' not in told and 'not deployed' not in told
    assert json.loads(json.dumps(data.to_dict()))['trained']['frames'] == 70


def test_a_folder_of_something_else_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / 'compare.html').write_text('')
    done = CliRunner().invoke(app, ['report', str(tmp_path)])
    assert isinstance(done.exception, DataError)
    assert '"compare" writes its own page' in str(done.exception)
    assert not (tmp_path / 'report.html').exists()


PIECES = {
    'bags': 'Demonstration reach_0001',
    'trials.json': 'trials succeeded',
    'train': '200 updates',
    'policy.onnx': 'imi_humanoid',
    'timing.json': '3 min 3 s',
    'audit.json': 'cut off',
    'trial_bags': 'Commands: ',
    'dataset': '25 Hz',
}


@pytest.mark.parametrize('piece', PIECES)
def test_a_missing_piece_is_not_invented(run_folder: Path, tmp_path: Path, piece: str) -> None:
    run = tmp_path / 'run'
    shutil.copytree(run_folder, run)
    assert PIECES[piece] in Page(render(ReportData.from_run(run))).text
    shutil.rmtree(run / piece) if (run / piece).is_dir() else (run / piece).unlink()
    page = Page(render(ReportData.from_run(run)))
    if piece == 'dataset':
        assert 'no dataset in the run folder' in page.text
    else:
        assert PIECES[piece] not in page.text


def test_a_damaged_bag_is_named_and_the_rest_is_shown(run_folder: Path, tmp_path: Path) -> None:
    run = tmp_path / 'run'
    shutil.copytree(run_folder, run)
    mcap = next((run / 'trial_bags/reach_trial_0002').glob('*.mcap'))
    mcap.write_bytes(mcap.read_bytes()[:20_000])
    data = ReportData.from_run(run)
    assert any('reach_trial_0002' in problem for problem in data.problems)
    page = Page(render(data))
    assert 'What could not be read' in page.text and 'reach_trial_0002' in page.text
    assert page.images == 2 * 6


def test_damaged_files_are_errors_with_their_path(run_folder: Path, tmp_path: Path) -> None:
    for name, text in (
        ('trials.json', '{"task": 3'),
        ('timing.json', '[1, 2]'),
        ('audit.json', '[3]'),
        ('train/metrics.jsonl', '{"update": 3}\n'),
    ):
        run = tmp_path / name.replace('/', '_')
        (run / name).parent.mkdir(parents=True)
        (run / name).write_text(text)
        with pytest.raises(DataError, match=Path(name).name):
            ReportData.from_run(run)
    with pytest.raises(DataError, match='no such run folder'):
        ReportData.from_run(tmp_path / 'nowhere')


def test_text_from_a_run_cannot_become_markup(tmp_path: Path) -> None:
    run = tmp_path / '<img src=x>'
    run.mkdir()
    assert Page(render(ReportData.from_run(run))).images == 0
