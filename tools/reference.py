# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The pages of the documentation that are read off the code: command line, contract, API."""

from collections.abc import Iterator, Sequence
import inspect
import re
import sys
from types import NoneType
from typing import Any, get_args, get_origin, Literal, Union

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
import typer

import imitation_ros
from imitation_ros.cli.app import app
from imitation_ros.contract.schema import ContractFile

UNITS = {'_s': 's', '_hz': 'Hz'}
"""Units of keys that carry theirs in the name."""
PUBLIC = (
    'imitation_ros.contract.load',
    'imitation_ros.contract.Contract',
    'imitation_ros.runtime.VectorPolicy',
    'imitation_ros.rollout.rollout.rollout',
)
"""What a program may rely on as long as the package itself lists nothing (`__all__`)."""


def pages() -> dict[str, str]:
    """Text of every generated page, by file name."""
    return {'cli.md': command_line(), 'contract.md': contract(), 'api.md': api()}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown table."""
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join(f'| {" | ".join(c.replace("|", chr(92) + "|") for c in r)} |' for r in lines)


def command_line() -> str:
    """Every verb with its help, arguments and options."""
    group = typer.main.get_command(app)
    verbs: dict[str, click.Command] = getattr(group, 'commands', {})
    parts = ['# Command line', 'What `imitation_ros <verb> --help` says, in one place.']
    for name, command in sorted(verbs.items()):
        parts += [f'## {name}', f'```text\n{inspect.cleandoc(command.help or "")}\n```']
        rows = [row(one) for one in command.params if not getattr(one, 'hidden', False)]
        if rows:
            parts.append(table(('argument or option', 'default', 'meaning'), rows))
    return '\n\n'.join(parts) + '\n'


def row(parameter: click.Parameter) -> tuple[str, str, str]:
    """One row of a verb's table."""
    if parameter.param_type_name == 'argument':
        names = [(parameter.name or '').upper()]
    else:
        names = [*parameter.opts, *parameter.secondary_opts]
    value = parameter.default
    plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    shown = f'`{value}`' if plain else ''
    text = re.sub(r'\[/?(bold|dim)\]', '', getattr(parameter, 'help', '') or '')
    required = 'required' if parameter.required else shown
    return ', '.join(f'`{name}`' for name in names), required, escaped(text)


def escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r'([<>*_\[\]])', r'\\\1', ' '.join(text.split()))


def contract() -> str:
    """Every key of a contract with its unit and default, from the schema that checks it."""
    parts = [
        '# Contract',
        'Keys of `config/robots/<name>.yaml`, as the schema that checks them has them. A key that '
        'is not here is an error. `imitation_ros check --robot FILE` checks a file.',
    ]
    for path, model in models(ContractFile):
        meanings = attributes(model)
        parts += [f'## `{path}`' if path else '## The file', escaped(summary(model))]
        rows = [
            (
                f'`{key}`',
                escaped(meanings.get(key, '')),
                unit(key, meanings.get(key, '')),
                f'`{kind(field.annotation)}`',
                default(field),
            )
            for key, field in model.model_fields.items()
        ]
        parts.append(table(('key', 'meaning', 'unit', 'type', 'default'), rows))
    return '\n\n'.join(parts) + '\n'


def models(root: type[BaseModel], path: str = '') -> Iterator[tuple[str, type[BaseModel]]]:
    """Every mapping of the file with its path, outermost first."""
    yield path, root
    for key, field in root.model_fields.items():
        for inner in inside(field.annotation):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                many = get_origin(field.annotation) in (tuple, dict)
                yield from models(inner, f'{path}.{key}'.lstrip('.') + ('[]' if many else ''))


def inside(annotation: Any) -> Iterator[Any]:
    """The types that an annotation is made of."""
    yield annotation
    for part in get_args(annotation):
        yield from inside(part)


def summary(model: type[BaseModel]) -> str:
    """First sentences of a model's docstring."""
    text = inspect.cleandoc(model.__doc__ or '')
    return text.split('\nAttributes:')[0].strip()


def attributes(model: type[BaseModel]) -> dict[str, str]:
    """What the docstrings of a model, and of those it derives from, say of each key."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        text = inspect.cleandoc(base.__dict__.get('__doc__') or '')
        if issubclass(base, BaseModel) and '\nAttributes:\n' in text:
            entries = re.split(
                r'^    (\w+): ', text.split('\nAttributes:\n')[1], flags=re.MULTILINE
            )
            found |= {
                k: ' '.join(v.split()) for k, v in zip(entries[1::2], entries[2::2], strict=True)
            }
    return found


def unit(key: str, meaning: str) -> str:
    """Unit of a key: the last one in brackets of its meaning, or that in its name."""
    told = re.findall(r'\[([^\]]+)\]', meaning)
    if told:
        return str(told[-1])
    return next((name for end, name in UNITS.items() if key.endswith(end)), '')


def kind(annotation: Any) -> str:
    """A type in words."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ' or '.join(map(str, parts))
    if origin in (tuple, list):
        inner = [kind(part) for part in parts if part is not Ellipsis]
        return f'list of {inner[0]}' if len(set(inner)) == 1 else f'({", ".join(inner)})'
    if origin is dict:
        return f'mapping of {kind(parts[0])} to {kind(parts[1])}'
    if hasattr(annotation, '__metadata__'):
        return kind(parts[0])
    if origin is Union or type(annotation).__name__ == 'UnionType':
        return ' or '.join(kind(part) for part in parts if part is not NoneType)
    words = {float: 'number', int: 'integer', str: 'text', bool: 'true or false'}
    return words.get(annotation, 'mapping')


def default(field: FieldInfo) -> str:
    """Default of a key, as it would be written in YAML."""
    value = field.default
    if value is PydanticUndefined:
        return 'required'
    if isinstance(value, BaseModel):
        return 'its own defaults'
    if value is None:
        return 'none'
    if isinstance(value, bool):
        return f'`{str(value).lower()}`'
    return (
        'empty' if value in ((), {}) else f'`{list(value) if isinstance(value, tuple) else value}`'
    )


def api() -> str:
    """The public names of the package, for autodoc."""
    listed = getattr(imitation_ros, '__all__', None)
    names = [f'imitation_ros.{name}' for name in listed] if listed else list(PUBLIC)
    parts = ['# Python API', 'What a program may rely on; everything else may change.']
    for name in names:
        module, _, last = name.rpartition('.')
        value = getattr(__import__(module, fromlist=[last]), last)
        if inspect.isclass(value):
            directive, options = 'autoclass', '\n   :members:'
        elif inspect.isroutine(value):
            directive, options = 'autofunction', ''
        elif inspect.ismodule(value):
            directive, options = 'automodule', '\n   :members:'
        else:
            directive, options = 'autodata', ''
        parts.append(f'```{{eval-rst}}\n.. {directive}:: {name}{options}\n```')
    return '\n\n'.join(parts) + '\n'


if __name__ == '__main__':
    sys.stdout.write('\n'.join(pages().values()))
