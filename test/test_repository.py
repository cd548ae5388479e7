# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The files around the package that no other test reads: workflows, templates, containers."""

import json
from pathlib import Path
import re
import shlex
from typing import Any

import pytest
import yaml

from imitation_ros import __version__

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / '.github' / 'workflows').glob('*.yml'))


def steps(path: Path) -> list[dict[str, Any]]:
    """All steps of all jobs of a workflow."""
    return [
        step for job in yaml.safe_load(path.read_text())['jobs'].values() for step in job['steps']
    ]


def make_targets() -> set[str]:
    """Targets of the Makefile that stand by their name."""
    return set(re.findall(r'^([a-z]+):', (ROOT / 'Makefile').read_text(), re.MULTILINE))


@pytest.mark.parametrize(
    'path',
    sorted(
        path
        for pattern in ('.github/**/*.yml', '.pre-commit-config.yaml', 'CITATION.cff')
        for path in ROOT.glob(pattern)
    ),
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_yaml_is_a_mapping(path: Path) -> None:
    assert isinstance(yaml.safe_load(path.read_text()), dict)


@pytest.mark.parametrize('path', WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_run_what_there_is(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    # YAML 1.1 reads the key `on` as true.
    assert {'push', 'pull_request'} <= set(workflow[True])
    assert workflow['permissions'] == {'contents': 'read'}
    made = set()
    for step in steps(path):
        assert ('run' in step) != ('uses' in step)
        if 'uses' in step:
            assert re.fullmatch(r'[\w-]+/[\w-]+@v\d+', step['uses'])
            continue
        words = shlex.split(step['run'])
        if words[0] == 'make':
            made |= set(words[1:])
        for launched in re.findall(r'\w+\.launch\.py', step['run']):
            assert (ROOT / 'launch' / launched).is_file()
        for folder in re.findall(r'src/imitation_ros/(\S+)', step['run']):
            assert (ROOT / folder).exists()
    assert made <= make_targets()


def test_ci_runs_all_that_make_test_runs() -> None:
    made = {
        word
        for step in steps(ROOT / '.github' / 'workflows' / 'ci.yml')
        if step.get('run', '').startswith('make ')
        for word in step['run'].split()[1:]
    }
    recipe = (ROOT / 'Makefile').read_text().split('\ntest:')[1].split('\n\n')[0]
    wanted = {name for name in make_targets() if re.search(rf'[ \t]{name}\b', recipe)}
    assert wanted <= made | {'test'}
    assert {'lint', 'unit', 'smoke'} <= wanted


def test_every_supported_python_is_tested() -> None:
    jobs = yaml.safe_load((ROOT / '.github' / 'workflows' / 'ci.yml').read_text())['jobs']
    assert jobs['tests']['strategy']['matrix']['python'] == ['3.10', '3.11', '3.12', '3.13']
    assert "python_requires='>=3.10'" in (ROOT / 'setup.py').read_text()


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text())
    assert citation['version'] == __version__
    heading = f'{__version__} ({citation["date-released"]})'
    assert heading in (ROOT / 'CHANGELOG.rst').read_text().splitlines()


def test_the_container_copies_what_there_is() -> None:
    text = (ROOT / 'Dockerfile').read_text()
    for source in re.findall(r'^COPY (\S+) ', text, re.MULTILINE):
        assert (ROOT / source).exists()
    # Each line is an instruction, a comment, or goes on after a backslash.
    lines = text.replace('\\\n', ' ').splitlines()
    known = r'(#|ARG |FROM |SHELL |RUN |WORKDIR |COPY |ENV |ENTRYPOINT |CMD )'
    assert all(re.match(known, line) for line in lines)
    # The image's recipe is the README's, cut out of it.
    assert re.findall(r'^pip install ', (ROOT / 'README.md').read_text(), re.MULTILINE)


def test_the_devcontainer_builds_the_container() -> None:
    folder = ROOT / '.devcontainer'
    build = json.loads((folder / 'devcontainer.json').read_text())['build']
    assert (folder / build['dockerfile']).resolve() == ROOT / 'Dockerfile'
    assert set(build['args']) <= set(re.findall(r'ARG (\w+)', (ROOT / 'Dockerfile').read_text()))


def test_hooks_before_a_commit_are_tools_of_make_lint() -> None:
    (repository,) = yaml.safe_load((ROOT / '.pre-commit-config.yaml').read_text())['repos']
    makefile = (ROOT / 'Makefile').read_text()
    for hook in repository['hooks']:
        tool = Path(hook['entry'].split()[0])
        assert f'$(BIN)/{tool.name}' in makefile
