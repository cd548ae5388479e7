# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What pip and colcon install, and that it works away from the source tree."""

import ast
from collections.abc import Iterable
from importlib.util import find_spec
from itertools import chain
import json
import os
from pathlib import Path
import re
import runpy
import shlex
import subprocess
import sys
from typing import Any
from xml.etree import ElementTree
import zipfile

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
import pytest
from typer.testing import CliRunner

from imitation_ros import __version__, resources
from imitation_ros.cli.app import app
from imitation_ros.cli.processes import NODES
from imitation_ros.errors import ContractError

ROOT = Path(__file__).parent.parent
ROSDEP = {
    'cv2': 'python3-opencv',
    'yaml': 'python3-yaml',
    'pydantic_core': 'python3-pydantic',  # which brings it
}
"""Imports whose rosdep key is not their own name (of ROS packages) or python3-<name>."""
PIP = {
    'cv2': 'opencv-python-headless',
    'pydantic_core': 'pydantic',
    'pink': 'pin-pink',
    'pinocchio': 'pin',
    'coal': 'pin',
    'yaml': 'PyYAML',
}
"""Imports whose distribution on PyPI is called otherwise."""
NOT_IN_APT = {
    *('av', 'coal', 'daqp', 'isal', 'lz4', 'mcap', 'mujoco', 'numba', 'onnx', 'onnxruntime'),
    *('pink', 'pinocchio', 'pyarrow', 'rosbags', 'safetensors', 'torch', 'zstandard'),
}
"""Imports that come from pip also beside an apt ROS: rosdep has no key for them, or one that calls
pip outside of a virtual environment, or (pinocchio, coal) apt's is older than what we need."""
PROBE = """
import json, sys
from pathlib import Path
import imitation_ros
from imitation_ros import resources
from imitation_ros.contract import load
contract = load('imi_humanoid')
print(json.dumps({
    'package': imitation_ros.__file__,
    'joints': len(contract.joints),
    'files': [str(resources.path(name)) for name in (
        'config/robots', 'config/train', 'urdf/imi_humanoid.urdf', 'launch/sim.launch.py')],
}))
"""

WITHOUT = """
import sys
absent = sys.argv.pop(1).split(',')
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in absent:
            raise ModuleNotFoundError(f'{name} is not installed', name=name)
sys.meta_path.insert(0, Absent())
from imitation_ros.cli import main
main()
"""


def run(*command: object, **options: object) -> 'subprocess.CompletedProcess[str]':
    """Run a program away from the source tree, which is on no path of it."""
    environment = {k: v for k, v in os.environ.items() if k not in ('PYTHONPATH', 'PYTHONHOME')}
    environment.update(options.pop('env', {}))  # type: ignore[call-overload]
    return subprocess.run(
        [*map(str, command)],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        **options,
    )


@pytest.fixture(scope='module')
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of what git knows (or of the sources, where git is not)."""
    folder = tmp_path_factory.mktemp('wheel')
    source = folder / 'source'
    source.mkdir()
    for name in ('imitation_ros', 'launch', 'config', 'urdf', 'resource'):
        subprocess.run(['cp', '-r', ROOT / name, source / name], check=True)
    for name in ('setup.py', 'setup.cfg', 'pyproject.toml', 'package.xml', 'README.md'):
        if (ROOT / name).exists():
            subprocess.run(['cp', ROOT / name, source / name], check=True)
    pip = (sys.executable, '-m', 'pip', 'wheel', '--no-deps', '--no-build-isolation', '-q')
    done = run(*pip, '--no-index', '-w', folder, source)
    assert done.returncode == 0, done.stderr
    (found,) = folder.glob('*.whl')
    return found


@pytest.fixture(scope='module')
def prefix(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel in it, which sees this one's other packages."""
    folder = tmp_path_factory.mktemp('installed') / 'env'
    subprocess.run([sys.executable, '-m', 'venv', '--without-pip', folder], check=True)
    (site,) = folder.glob('lib/python*/site-packages')
    others = [path for path in map(Path, sys.path) if path.name.endswith('-packages')]
    (site / 'others.pth').write_text('\n'.join(map(str, others)) + '\n')
    pip = (sys.executable, '-m', 'pip', '--python', folder / 'bin' / 'python', 'install', '-q')
    done = run(*pip, '--no-deps', '--no-index', '--ignore-installed', wheel)
    assert done.returncode == 0, done.stderr
    return folder


def test_pip_puts_one_program_on_the_path(prefix: Path) -> None:
    ours = {
        path.name
        for path in (prefix / 'bin').iterdir()
        if path.is_file()
        and 'imitation_ros' in path.read_text(errors='ignore')
        # The activation scripts hold the folder of this very test.
        and not path.name.lower().startswith('activate')
    }
    assert ours == {'imitation_ros'}


def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    package = {
        str(path.relative_to(ROOT))
        for path in (ROOT / 'imitation_ros').rglob('*')
        if path.is_file() and '__pycache__' not in path.parts
    }
    assert package <= packed
    share = f'{wheel.name.split("-py3")[0]}.data/data/share/imitation_ros'
    others = {
        f'{share}/{path.relative_to(ROOT)}'
        for folder in ('launch', 'config', 'urdf')
        for path in (ROOT / folder).rglob('*')
        if path.is_file() and '__pycache__' not in path.parts
    }
    assert others <= packed


def test_files_are_found_from_the_wheel(prefix: Path, tmp_path: Path) -> None:
    done = run(prefix / 'bin' / 'python', '-c', PROBE, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found['joints'] == 33
    assert Path(found['package']).is_relative_to(prefix)
    assert all(Path(name).is_relative_to(prefix / 'share') for name in found['files'])


def test_the_command_line_runs_from_the_wheel(prefix: Path, tmp_path: Path) -> None:
    done = run(prefix / 'bin' / 'imitation_ros', 'check', '--robot', 'nowhere', cwd=tmp_path)
    assert done.returncode == 1 and 'choices: imi_humanoid, unitree_g1' in done.stderr
    demo = run(prefix / 'bin' / 'imitation_ros', 'demo', '--help', cwd=tmp_path)
    assert demo.returncode == 0 and '--episodes' in demo.stdout


@pytest.mark.slow
@pytest.mark.ros
@pytest.mark.parametrize('node', ['safety', 'recorder'])
def test_a_node_starts_as_ros2_run_starts_it(prefix: Path, node: str, tmp_path: Path) -> None:
    program = prefix / 'lib' / 'imitation_ros' / node
    assert os.access(program, os.X_OK)
    path = f'{prefix / "bin"}{os.pathsep}{os.environ["PATH"]}'
    arguments = ('--ros-args', '-p', 'contract:=no_such_robot', '-p', 'no_such_parameter:=1')
    done = run(program, *arguments, cwd=tmp_path, env={'PATH': path}, timeout=60)
    # It is our node that answers, and it looked into its own parameters.
    assert done.returncode == 1
    assert 'no_such_' in done.stderr + done.stdout
    assert 'Traceback' not in done.stderr


def test_every_node_is_a_program_for_ros2_run(prefix: Path) -> None:
    folder = prefix / 'lib' / 'imitation_ros'
    assert {path.name for path in folder.iterdir()} == set(NODES)
    for program in folder.iterdir():
        (module,) = re.findall(r"run_module\('([\w.]+)', run_name='__main__'", program.read_text())
        assert os.access(program, os.X_OK)
        assert module == NODES[program.name] and find_spec(module)


def test_setup_runs_in_the_folder_that_colcon_links(tmp_path: Path) -> None:
    # `colcon build --symlink-install` links these, and no README, into its build folder.
    for name in ('imitation_ros', 'launch', 'config', 'urdf', 'resource', 'setup.py', 'setup.cfg'):
        (tmp_path / name).symlink_to(ROOT / name)
    done = run(sys.executable, 'setup.py', '--name', cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_version_is_the_same_everywhere(setup: dict[str, Any]) -> None:
    said = CliRunner().invoke(app, ['--version'])
    assert (said.exit_code, said.output) == (0, f'imitation_ros {__version__}\n')
    package = ElementTree.parse(ROOT / 'package.xml').getroot()
    assert {__version__} == {setup['version'], package.findtext('version'), changes()[0][0]}


def changes() -> list[tuple[str, str]]:
    """Version and text of the sections of the changelog, in REP 132's form."""
    text = (ROOT / 'CHANGELOG.rst').read_text()
    line = '^' * len('Changelog for package imitation_ros')
    assert text.startswith(f'{line}\nChangelog for package imitation_ros\n{line}\n\n')
    heading = re.compile(r'^((\d+\.\d+\.\d+) \(\d{4}-\d\d-\d\d\))\n(-+)\n', re.MULTILINE)
    parts = heading.split(text)
    for title, under in zip(parts[1::4], parts[3::4], strict=True):
        assert len(title) == len(under)
    return list(zip(parts[2::4], parts[4::4], strict=True))


def test_the_changelog_has_the_form_of_rep_132() -> None:
    (_, text), *_ = changes()
    entries = [line for line in text.splitlines() if line and not line.startswith('  ')]
    assert all(line.startswith('* ') for line in entries)
    assert [line for line in entries if line.startswith('* **Breaking:** ')]
    assert not re.search(r'(?i)^\* \W*breaking\b(?!:\*\* )', text, re.MULTILINE)


def test_a_shell_can_complete_the_verbs() -> None:
    shell = {'_IMITATION_ROS_COMPLETE': 'complete_bash', 'COMP_WORDS': 'imitation_ros aud'}
    shell |= {'COMP_CWORD': '1', 'PYTHONPATH': str(ROOT)}
    main = 'import sys; sys.argv[0] = "imitation_ros"; from imitation_ros.cli import main; main()'
    done = run(sys.executable, '-c', main, env=shell)
    assert done.stdout.split() == ['audit'], done.stderr


def imports(*folders: str) -> set[str]:
    """Names of the packages of others that our sources import, wherever in a file."""
    found = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob('*.py')):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split('.')[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split('.')[0])
    return found - sys.stdlib_module_names - {'imitation_ros'}


@pytest.fixture
def setup(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What setup.py tells setuptools."""
    told: dict[str, Any] = {}
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr('setuptools.setup', told.update)
    runpy.run_path(str(ROOT / 'setup.py'))
    return told


def names(requirements: Iterable[str]) -> set[str]:
    """Normalised names of requirements."""
    return {canonicalize_name(Requirement(text).name) for text in requirements}


def is_ros(name: str) -> bool:
    """Whether an import is of a ROS package: its key in rosdep is its own name."""
    return name.endswith(('_msgs', '_srvs', '_interfaces')) or name in (
        *('rclpy', 'launch', 'launch_ros', 'ament_index_python'),
    )


def test_package_xml_names_what_is_imported() -> None:
    tree = ElementTree.parse(ROOT / 'package.xml').getroot()
    declared = {entry.text for entry in tree.findall('exec_depend')}
    wanted = {
        name if is_ros(name) else ROSDEP.get(name, f'python3-{name}')
        for name in imports('imitation_ros', 'launch') - NOT_IN_APT
    }
    assert declared == wanted


def test_setup_requires_what_is_imported(setup: dict[str, Any]) -> None:
    extras = setup['extras_require']
    every = names(setup['install_requires']) | names(extras['all'])
    wanted = set()
    for name in imports('imitation_ros'):
        if not is_ros(name):
            wanted.add(canonicalize_name(PIP.get(name, name)))
        elif name != 'rcl_interfaces':  # rclpy brings it
            wanted.add(canonicalize_name(f'ros-kilted-{name}'))
    assert wanted <= every
    # Whatever an extra names, `all` has it.
    assert names(chain.from_iterable(extras.values())) <= every


def test_apt_recipe_has_all_that_pip_must_bring(setup: dict[str, Any]) -> None:
    readme = (ROOT / 'README.md').read_text().replace('\\\n', ' ')
    (line,) = re.findall(r'^pip install (.*)$', readme, re.MULTILINE)
    recipe = {Requirement(word).name: word for word in shlex.split(line)}
    needed = [*setup['install_requires'], *setup['extras_require']['sim']]
    from_apt = {'setuptools', 'pyyaml', 'opencv-python-headless'}
    assert {canonicalize_name(name) for name in recipe} == names(needed) - from_apt
    for text in needed:
        name = Requirement(text).name
        if name in recipe:
            assert recipe[name].startswith(text), f'setup.py wants {text}'


def test_a_users_own_torch_is_met_and_ours_is_pinned(setup: dict[str, Any]) -> None:
    (torch,) = [r for r in map(Requirement, setup['extras_require']['train']) if r.name == 'torch']
    pins = {p.name: p.specifier for p in map(Requirement, constraints())}
    (pin,) = pins['torch']
    assert pin.operator == '=='
    assert '2.7.1+cu126' in torch.specifier and pin.version in torch.specifier
    assert 'setuptools' not in pins


def constraints() -> list[str]:
    """The lines of constraints.txt that pin something."""
    lines = (ROOT / 'constraints.txt').read_text().splitlines()
    return [line for line in lines if line and not line.startswith('#')]


def test_an_audit_page_needs_the_extra_report_alone(setup: dict[str, Any], tmp_path: Path) -> None:
    from rosbags.rosbag2 import StoragePlugin, Writer

    from imitation_ros.messages.definitions import typestore

    assert names(setup['extras_require']['report']) == {'jinja2', 'matplotlib'}
    store = typestore()
    message = store.types['std_msgs/msg/String'](data='hello')
    with Writer(tmp_path / 'bag', version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        topic = writer.add_connection('/words', 'std_msgs/msg/String', typestore=store)
        for k in range(20):
            words = store.serialize_cdr(message, 'std_msgs/msg/String')
            writer.write(topic, 10**18 + k * 10**8, words)
    rows = setup['extras_require']
    missing = names(rows['all']) - names(rows['report']) - names(setup['install_requires'])
    blocked = {name for name in imports('imitation_ros') if PIP.get(name, name) in missing}
    assert {'torch', 'pinocchio', 'onnxruntime', 'mujoco'} <= blocked
    done = run(
        *(sys.executable, '-c', WITHOUT, ','.join(blocked)),
        *('audit', 'bag', '--html', 'page.html'),
        cwd=tmp_path,
        env={'PYTHONPATH': str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert '/words' in (tmp_path / 'page.html').read_text()


@pytest.mark.parametrize(
    'package',
    [
        'usr/local/lib/python3.12/dist-packages',  # a system's own prefix
        'home/.local/lib/python3.12/site-packages',  # pip install --user
        'target',  # pip install --target
        'ws/install/imitation_ros/lib/python3.12/site-packages',  # colcon
        'ws/install/imitation_ros/local/lib/python3.10/dist-packages/',  # colcon on Debian
    ],
)
def test_files_are_found_wherever_it_was_installed(package: str, tmp_path: Path) -> None:
    where = tmp_path / package
    (where / 'imitation_ros').mkdir(parents=True)
    # Somebody else's folder beside the package is none of ours.
    (where / 'config' / 'robots').mkdir(parents=True)
    base = where if package == 'target' else tmp_path / package.split('/lib/')[0]
    if base.name == 'local' and 'ws' in base.parts:
        base = base.parent
    share = base / 'share' / 'imitation_ros'
    (share / 'config' / 'robots').mkdir(parents=True)
    assert resources.path('config/robots', where / 'imitation_ros') == share / 'config/robots'
    with pytest.raises(ContractError, match='no/such is in none of: '):
        resources.path('no/such', where / 'imitation_ros')
