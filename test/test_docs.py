# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The documentation: its generated pages, and how its prose is set. `make docs` builds it."""

import ast
from pathlib import Path
import re
import shlex
from types import ModuleType

import pytest
import typer
import yaml

import imitation_ros
from imitation_ros.cli.app import app
from imitation_ros.contract.schema import ContractFile

ROOT = Path(__file__).parent.parent


@pytest.fixture
def reference(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The tool that writes the generated pages."""
    monkeypatch.syspath_prepend(ROOT / 'tools')
    return __import__('reference')


def test_every_verb_and_option_is_in_the_reference(reference: ModuleType) -> None:
    page = reference.command_line()
    for name, command in typer.main.get_command(app).commands.items():
        _, _, section = page.partition(f'\n## {name}\n')
        section = section.split('\n## ')[0]
        for parameter in command.params:
            shown = (
                parameter.opts[-1]
                if parameter.opts[-1].startswith('-')
                else parameter.name.upper()
            )
            assert f'`{shown}`' in section, name


def test_every_key_of_a_contract_is_told_with_its_unit(reference: ModuleType) -> None:
    for path, model in reference.models(ContractFile):
        meanings = reference.attributes(model)
        assert set(model.model_fields) <= set(meanings), path
        for key in model.model_fields:
            if key.endswith(('_s', '_hz')):
                assert reference.unit(key, meanings[key]) in ('s', 'Hz'), f'{path}.{key}'
    page = reference.contract()
    assert re.search(r'\| `command_hz` \|.*\| Hz \| `number` \| `100.0` \|', page)
    assert re.search(r'\| `tool_speed` \|.*\| m/s \| `number` \| none \|', page)
    assert '\n## `groups[].output`\n' in page


def test_the_shipped_contracts_use_keys_of_the_reference(reference: ModuleType) -> None:
    page = reference.contract()
    for path in (ROOT / 'config' / 'robots').glob('*.yaml'):
        if '.capsules' not in path.name:
            for key in yaml.safe_load(path.read_text()):
                assert f'\n| `{key}` |' in page


def test_the_api_page_follows_the_public_names(
    reference: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imitation_ros, '__all__', ['errors', '__version__'], raising=False)
    page = reference.api()
    assert '.. automodule:: imitation_ros.errors\n' in page
    assert '.. autodata:: imitation_ros.__version__\n' in page
    assert 'VectorPolicy' not in page
    monkeypatch.delattr(imitation_ros, '__all__')
    assert '.. autoclass:: imitation_ros.runtime.VectorPolicy\n   :members:' in reference.api()


def test_make_docs_treats_warnings_as_errors_and_make_test_runs_it() -> None:
    makefile = (ROOT / 'Makefile').read_text()
    assert (
        'sphinx-build --quiet --fail-on-warning' in makefile.split('\ndocs:')[1].split('\n\n')[0]
    )
    assert ' docs ' in makefile.split('\ntest:')[1].split('\n\n')[0]


def trees(folder: str) -> list[ast.Module]:
    """Syntax trees of the sources below a folder of the package."""
    return [
        ast.parse(p.read_text()) for p in sorted((ROOT / 'imitation_ros' / folder).rglob('*.py'))
    ]


def test_the_map_has_every_room_and_no_other() -> None:
    told = imitation_ros.__doc__ or ''
    rows = re.findall(r'^    ([a-z]+(?:, [a-z]+)*) {2,}', told, re.MULTILINE)
    listed = {name for row in rows for name in row.split(', ')}
    package = ROOT / 'imitation_ros'
    folders = {p.parent.name for p in package.glob('*/__init__.py')}
    files = {p.stem for p in package.glob('*.py') if not p.stem.startswith('__')}
    assert listed == folders | files


def test_interfaces_list_the_topics_and_services_of_the_nodes() -> None:
    text = (ROOT / 'docs' / 'interfaces.md').read_text()
    calls = ('create_publisher', 'create_subscription', 'create_service', 'create_client')
    named = {
        argument.value
        for tree in trees('nodes')
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, 'attr', '') in calls
        for argument in node.args
        if isinstance(argument, ast.Constant) and str(argument.value).startswith('/')
    }
    assert {'/diagnostics', '/recorder/state'} <= named
    assert not {name for name in named if f'`{name}' not in text}


def test_interfaces_list_the_metadata_of_a_policy() -> None:
    text = (ROOT / 'docs' / 'interfaces.md').read_text()
    keys = {
        frozenset(key.value for key in node.keys if isinstance(key, ast.Constant))
        for tree in trees('export')
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
    }
    (metadata,) = [found for found in keys if {'contract_hash', 'parity'} <= found]
    assert not {key for key in metadata if f'`{key}`' not in text}


def test_converting_with_failures_is_told_with_its_option() -> None:
    for page in (ROOT / 'docs').rglob('*.md'):
        for line in page.read_text().splitlines():
            if re.match(r'imitation_ros convert .*#.*fail', line):
                assert '--with-failures' in line, page


PROSE = sorted(
    page
    for page in (ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', *(ROOT / 'docs').rglob('*.md'))
    if not {'_build', 'generated'} & set(page.parts)
)


@pytest.mark.parametrize('page', PROSE, ids=lambda page: str(page.relative_to(ROOT)))
def test_prose_is_set_in_120_characters(page: Path) -> None:
    code, long = False, []
    for number, line in enumerate(page.read_text().splitlines(), 1):
        code ^= line.lstrip().startswith('```')
        # A table's row is one line, and a long link cannot be broken.
        if not code and len(line) > 120 and not line.startswith('|') and ' ' in line.strip('- '):
            long.append(number)
    assert not long


COMMANDS = sorted(
    {
        (str(page.relative_to(ROOT)), found)
        for page in PROSE
        for block in re.findall(r'```(?:bash|sh)?\n(.*?)```', page.read_text(), re.DOTALL)
        for found in re.findall(r'^imitation_ros .*', block.replace('\\\n', ' '), re.MULTILINE)
    }
)


@pytest.mark.parametrize(('page', 'command'), COMMANDS)
def test_commands_in_the_docs_have_verbs_and_options_that_exist(page: str, command: str) -> None:
    _, verb, *words = shlex.split(command, comments=True)
    verbs = typer.main.get_command(app).commands
    assert verb in verbs
    known = {name for one in verbs[verb].params for name in (*one.opts, *one.secondary_opts)}
    assert {word.split('=')[0] for word in words if re.match(r'-[a-z-]', word)} <= known | {
        '--help'
    }
