# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What to say when a file of ours is not as its model asks."""

from pathlib import Path

from pydantic import BaseModel, ValidationError

from ..documents import shown
from ..errors import unknown

MOST = 20
"""Problems that are told of one file; a wrong file may have as many as it has values."""


def explain(error: ValidationError, source: Path | str, root: type[BaseModel]) -> str:
    """Turn pydantic's report on a file into one line per problem, with the closest known key."""
    lines = []
    problems = error.errors()
    for problem in problems[:MOST]:
        where = '.'.join(str(part)[:80] for part in problem['loc'])
        if problem['type'] == 'extra_forbidden':
            model = root
            for part in problem['loc'][:-1]:
                model = _child(model, part)
            key = str(problem['loc'][-1])[:80]
            lines.append(f'{where}: {unknown(key, "key", model.model_fields)}')
        elif problem['type'] == 'missing':
            lines.append(f'{where}: this key is missing')
        else:
            lines.append(f'{where}: {problem["msg"]}, not {shown(problem["input"])}')
    if len(problems) > MOST:
        lines.append(f'and {len(problems) - MOST} more')
    return f'{source}: ' + '\n  '.join(lines)


def _child(model: type[BaseModel], part: str | int) -> type[BaseModel]:
    """Model that a key of another model holds (lists and dictionaries: of their items)."""
    if isinstance(part, int) or part not in model.model_fields:
        return model
    found: list[type[BaseModel]] = []

    def walk(annotation: object) -> None:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found.append(annotation)
        for argument in getattr(annotation, '__args__', ()):
            walk(argument)

    walk(model.model_fields[part].annotation)
    return found[0] if found else model
