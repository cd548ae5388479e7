# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Somebody else's distribution adds one of each kind, and each goes all the way."""

from collections.abc import Iterator
import json
import os
from pathlib import Path
import sys
import time
from typing import Any

from foreign import ENTRIES, install, MODULE
import pytest
from typer.testing import CliRunner

from imitation_ros import plugins
from imitation_ros.cli.app import app
from imitation_ros.contract import Contract
from imitation_ros.data.store import Dataset
from imitation_ros.errors import DataError, PluginError, TrainingError
from imitation_ros.evaluation.compare.plan import NOMINAL, Plan
from imitation_ros.evaluation.compare.runs import run
from imitation_ros.irl.loading import load_reward
from imitation_ros.learning import configure
from imitation_ros.runtime import bundle
from imitation_ros.sim.tasks import TASKS
from imitation_ros.teleop.devices import DEVICES
from imitation_ros.training.config import load, METHODS

RUNNER = CliRunner()


class Site:
    """A folder on the path, of this process and of its children."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        patch.syspath_prepend(str(folder))
        old = os.environ.get('PYTHONPATH', '')
        patch.setenv('PYTHONPATH', os.pathsep.join([str(folder), old] if old else [str(folder)]))

    def install(self, name: str, entries: dict[str, dict[str, str]], module: str = '') -> None:
        install(self.folder, name, entries, module)
        plugins.look_again()


def _sites(folder: Path) -> Iterator[Site]:
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        yield Site(folder, patch)
    for name in set(sys.modules) - before:
        if name.startswith(('foreign', 'broken', 'my_')):
            del sys.modules[name]
    plugins.look_again()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    yield from _sites(tmp_path / 'site')


@pytest.fixture(scope='module')
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    for one in _sites(tmp_path_factory.mktemp('foreign') / 'site'):
        one.install('foreign-robotics', ENTRIES, MODULE)
        yield one


def call(*words: str) -> str:
    """Run a verb that must succeed; what it prints."""
    done = RUNNER.invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope='module')
def data(foreign: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Demonstrations of the foreign task by its expert."""
    out = tmp_path_factory.mktemp('plugins') / 'data'
    assert '2 demonstrations' in call(
        'collect', '--task', 'foreign_touch', '--episodes', '2', '--out', str(out)
    )
    return out


@pytest.mark.sim
def test_a_policy_is_trained_exported_and_tried(data: Path, tmp_path: Path) -> None:
    assert {meta.task for meta in Dataset(data).manifest.episodes} == {'foreign_touch'}
    trained, model = str(tmp_path / 'run'), tmp_path / 'policy.onnx'
    call('train', '--data', str(data), '--out', trained, '--method', 'foreign-linear')
    assert 'method: foreign-linear\n' in (tmp_path / 'run' / 'config.yaml').read_text()
    call('export', trained, '--data', str(data), '--out', str(model))
    assert bundle.load(model).method == 'foreign-linear'
    tried = {}
    for wind in (0, 3):
        out = tmp_path / f'{wind}.json'
        words = ['--trials', '1', '--perturb', f'foreign_wind:{wind}', '--out', str(out)]
        call('evaluate', str(model), '--task', 'foreign_touch', *words)
        tried[wind] = json.loads(out.read_text())
    assert tried[3]['conditions']['perturb'] == ['foreign_wind:3']
    assert tried[0]['trials'] != tried[3]['trials']


@pytest.mark.sim
def test_an_irl_method_is_trained_and_its_reward_is_read(
    data: Path, tmp_path: Path, contract: Contract
) -> None:
    out = tmp_path / 'run'
    call('train', '--data', str(data), '--out', str(out), '--method', 'foreign-irl')
    believed = load_reward(out, Dataset(data), contract)
    assert (believed.method, believed.notes) == ('foreign-irl', ('Of somebody else.',))


@pytest.mark.sim
def test_worker_processes_see_them(foreign: Site, tmp_path: Path) -> None:
    """A comparison spawns its workers; everything in it is somebody else's."""
    plan = Plan(
        robot='imi_humanoid',
        task='foreign_touch',
        methods=('foreign-linear',),
        demos=(1,),
        seeds=1,
        trials=2,
        conditions=(NOMINAL, 'foreign_wind:1'),
        updates=10,
    )
    seen: dict[str, Any] = {}
    run(plan, tmp_path / 'out', 1, lambda cell, result: seen.update({cell.name: result}))
    assert set(seen['foreign-linear-001-0']['conditions']) == {NOMINAL, 'foreign_wind:1'}


def listed() -> tuple[list[dict[str, str]], str]:
    """What the verb lists, and its stderr."""
    done = RUNNER.invoke(app, ['plugins', '--json'], catch_exceptions=False)
    assert done.exit_code == 0
    return json.loads(done.stdout), done.stderr


def test_the_verb_lists_them_with_their_distribution(foreign: Site) -> None:
    rows, errors = listed()
    ours = {(row['group'], row['name']) for row in rows if row['distribution'] == 'imitation_ros'}
    assert {('policies', 'bc'), ('irl', 'bc+irl'), ('devices', 'joy'), ('tasks', 'lift')} <= ours
    theirs = {
        (row['group'], row['name']): row['value']
        for row in rows
        if row['distribution'] == 'foreign-robotics 1.2'
    }
    assert theirs == {(g, n): v for g, names in ENTRIES.items() for n, v in names.items()}
    assert not any(row['error'] for row in rows)
    assert errors == ''
    table = call('plugins')
    assert 'foreign_stick' in table and 'foreign-robotics' in table


BROKEN = 'import a_module_that_nobody_has\n'


def test_a_broken_one_is_one_line_and_stops_nobody(site: Site) -> None:
    site.install('foreign-robotics', ENTRIES, MODULE)
    entries = {
        'tasks': {'broken_task': 'broken_robotics:TASK', 'foreign_other': 'foreign_robotics:TASK'},
        'policies': {'broken': 'broken_robotics:POLICY', 'wrong': 'foreign_robotics:Linear'},
        'devices': {'gone': 'foreign_robotics:NOTHING'},
    }
    site.install('broken-robotics', entries, BROKEN)
    rows, errors = listed()
    bad = {(row['group'], row['name']): row['error'] for row in rows if row['error']}
    assert bad.keys() == {(group, name) for group, names in entries.items() for name in names}
    assert "No module named 'a_module_that_nobody_has'" in bad['tasks', 'broken_task']
    assert 'its own name is "foreign_touch"' in bad['tasks', 'foreign_other']
    assert 'it is no PolicyMethod' in bad['policies', 'wrong']
    lines = errors.splitlines()
    assert sorted(lines) == sorted(f'warning: {text}' for text in bad.values())
    assert all('broken-robotics 1.2' in line for line in lines)
    assert TASKS['foreign_touch'].name == 'foreign_touch'
    assert load('foreign-linear').method == 'foreign-linear'


def test_a_broken_one_that_is_asked_for_is_an_error(site: Site) -> None:
    """Told before any data is looked for; everything else goes on."""
    site.install('broken-robotics', {'policies': {'broken': 'broken_robotics:X'}}, BROKEN)
    words = ['train', '--data', 'none', '--out', 'none', '--method', 'broken']
    with pytest.raises(PluginError, match=r'the plug-in "broken" of .* from broken-robotics 1'):
        RUNNER.invoke(app, words, catch_exceptions=False)
    assert load('bc').method == 'bc'


@pytest.mark.parametrize('raised', ['raise SystemExit(3)', 'raise KeyError("x\\n\\ny")', '1 +'])
def test_whatever_a_module_does_is_one_line(site: Site, raised: str) -> None:
    site.install('broken-robotics', {'tasks': {'t': 'broken_robotics:X'}}, raised + '\n')
    with pytest.raises(PluginError, match=r'"t" of .* from broken-robotics'):
        TASKS.find('t')
    with pytest.raises(PluginError) as again:
        TASKS.find('t')
    assert '\n' not in str(again.value)


def test_a_name_of_two_plug_ins_is_neither(site: Site) -> None:
    site.install('foreign-robotics', ENTRIES, MODULE)
    site.install('foreign-rival', {'tasks': {'foreign_touch': 'foreign_robotics:TASK'}})
    with pytest.raises(
        PluginError, match=r'taken twice, by foreign-r\w+ 1.2 and by foreign-r\w+ 1.2; remove'
    ):
        TASKS.find('foreign_touch')
    assert DEVICES.find('foreign_stick').text


def test_a_built_in_name_stays_built_in(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    lift = TASKS['lift']
    site.install('foreign-robotics', {'tasks': {'lift': 'foreign_robotics:TASK'}}, MODULE)
    assert TASKS['lift'] is lift and TASKS['lift'] is lift
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        'warning: the name "lift" of imitation_ros.tasks is taken twice, by imitation_ros and by '
        'foreign-robotics 1.2; the one of imitation_ros is used'
    )
    (row,) = [row for row in TASKS.listed() if row.name == 'lift' and row.error]
    assert row.distribution == 'foreign-robotics 1.2'


@pytest.mark.parametrize(
    ('entries', 'message'),
    [
        ({'policies': {'irl-gail': 'foreign_robotics:LINEAR'}}, 'config/train/irl-gail.yaml'),
        ({'policies': {'other': 'foreign_robotics:LINEAR'}}, 'the method "foreign-linear"'),
        (
            {
                'policies': {'foreign-linear': 'foreign_robotics:LINEAR'},
                'irl': {'foreign-linear': 'foreign_robotics:IRL'},
            },
            'a plug-in of imitation_ros.irl has its name',
        ),
    ],
)
def test_a_method_has_one_meaning(
    site: Site, entries: dict[str, dict[str, str]], message: str
) -> None:
    site.install('foreign-robotics', entries, MODULE)
    (name,) = entries['policies']
    with pytest.raises(PluginError, match=message):
        METHODS.find(name)


def test_an_unknown_name_lists_what_is_plugged_in(foreign: Site) -> None:
    with pytest.raises(DataError, match='is not a task; did you mean "foreign_touch"'):
        TASKS.find('foreign_tuch')
    with pytest.raises(TrainingError, match='did you mean "foreign-linear"'):
        load('foreign-liner')


def test_defaults_of_the_model_can_be_changed(foreign: Site) -> None:
    config = load('foreign-linear', {'updates': 8, 'network': {'scale': 2.0}})
    assert (config.updates, config.warmup, config.batch) == (8, 5, 16)
    with pytest.raises(TrainingError, match='sclae'):
        load('foreign-linear', {'network': {'sclae': 2.0}})


@pytest.mark.ros
@pytest.mark.sim
def test_nodes_in_child_processes_see_them(foreign: Site, ros: Any, tmp_path: Path) -> None:
    """The foreign task in the simulator's process, the foreign device in that of teleop."""
    from rclpy.node import Node
    from trajectory_msgs.msg import JointTrajectory

    from imitation_ros.cli.processes import Processes
    from imitation_ros.nodes.ros.spin import make_executor

    proposals: list[JointTrajectory] = []
    node = Node('listener', context=ros)
    node.create_subscription(JointTrajectory, '/proposal', proposals.append, 10)
    executor = make_executor(ros)
    executor.add_node(node)
    with Processes(tmp_path) as nodes:
        nodes.start('sim', contract='imi_humanoid', task='foreign_touch')
        nodes.start('teleop', contract='imi_humanoid', source='foreign_stick')
        deadline = time.monotonic() + 60.0
        while len(proposals) < 5 and time.monotonic() < deadline:
            executor.spin_once(timeout_sec=0.1)
            nodes.check()
    executor.shutdown()
    node.destroy_node()
    assert len(proposals) >= 5


def _examples() -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """Entry points and modules that docs/plugins.md shows."""
    page = (Path(__file__).parent.parent / 'docs' / 'plugins.md').read_text(encoding='utf-8')
    entries: dict[str, dict[str, str]] = {}
    for line in page.partition('```toml\n')[2].partition('```')[0].splitlines():
        if line.startswith('[project.entry-points'):
            group = entries.setdefault(line.split('imitation_ros.')[1].rstrip('"]'), {})
        elif entries and line:
            name, value = line.split(' = ')
            group[name] = value.strip('"')
    blocks = [part.partition('```')[0] for part in page.split('```python\n')[1:]]
    return entries, {block.split('.py')[0].removeprefix('# '): block for block in blocks}


def test_the_examples_of_the_page_can_be_used(site: Site) -> None:
    entries, modules = _examples()
    assert set(entries) == set(plugins.GROUPS)
    for name, text in modules.items():
        (site.folder / f'{name}.py').write_text(text)
    site.install('my-robotics', entries)
    for group, names in entries.items():
        found = {row.name: row for row in plugins.REGISTRIES[group].listed()}
        for name in names:
            assert found[name].distribution == 'my-robotics 1.2' and not found[name].error
    assert configure('state-irl').method == 'state-irl'
