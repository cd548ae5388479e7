# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""No module imports itself by way of others: neither at start-up, nor later, nor for typing."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / 'imitation_ros'

Graph = dict[str, set[str]]


def names(package: Path) -> dict[str, Path]:
    """Every module of a package, by its full name."""
    found = {}
    for path in package.rglob('*.py'):
        parts = path.relative_to(package.parent).with_suffix('').parts
        found['.'.join(parts[:-1] if parts[-1] == '__init__' else parts)] = path
    return found


def imported(module: str, path: Path) -> Iterator[str]:
    """Full names that a file imports anywhere: in functions and under TYPE_CHECKING, too."""
    package = module.split('.') if path.name == '__init__.py' else module.split('.')[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            base = '.'.join([*start, *([node.module] if node.module else [])])
            yield from (f'{base}.{alias.name}' for alias in node.names)


def graph(package: Path) -> Graph:
    """Which module imports which; a name out of a module counts as that module."""
    modules = names(package)
    result: Graph = {}
    for module, path in modules.items():
        result[module] = set()
        for name in imported(module, path):
            target = name if name in modules else name.rpartition('.')[0]
            if target in modules and target != module:
                result[module].add(target)
    return result


def circles(edges: Graph) -> set[frozenset[str]]:
    """Groups of modules that reach each other: strongly connected, by Kosaraju 1978."""
    order: list[str] = []
    seen: set[str] = set()

    def visit(start: str, after: Graph) -> list[str]:
        """Modules that are reached and were not before, each after all that it leads to."""
        done: list[str] = []
        stack = [(start, iter(sorted(after[start])))]
        seen.add(start)
        while stack:
            at, rest = stack[-1]
            following = next((name for name in rest if name not in seen), None)
            if following is None:
                done.append(at)
                stack.pop()
            else:
                seen.add(following)
                stack.append((following, iter(sorted(after[following]))))
        return done

    for module in edges:
        if module not in seen:
            order += visit(module, edges)
    backwards: Graph = {module: set() for module in edges}
    for module, targets in edges.items():
        for target in targets:
            backwards[target].add(module)
    seen.clear()
    groups = [visit(module, backwards) for module in reversed(order) if module not in seen]
    return {frozenset(group) for group in groups if len(group) > 1}


def test_no_module_imports_itself_by_way_of_others() -> None:
    found = [sorted(circle) for circle in circles(graph(PACKAGE))]
    assert not found, found


def test_every_way_to_write_a_circle_is_seen(tmp_path: Path) -> None:
    """One circle for each: at the top, in a function, for typing, by a submodule, by a package."""
    files = {
        '__init__.py': '',
        'a.py': 'from .b import x',
        'b.py': 'def late():\n    from . import a\nx = 1',
        'c.py': 'from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .d import D',
        'd.py': 'import demo.c',
        'e/__init__.py': 'from .f import F',
        'e/f.py': 'from demo.g import G',
        'g.py': 'from demo import e',
        'alone.py': 'from .a import x\nfrom .e.f import F\nimport os',
    }
    package = tmp_path / 'demo'
    (package / 'e').mkdir(parents=True)
    for name, text in files.items():
        (package / name).write_text(text)
    assert circles(graph(package)) == {
        frozenset({'demo.a', 'demo.b'}),
        frozenset({'demo.c', 'demo.d'}),
        frozenset({'demo.e', 'demo.e.f', 'demo.g'}),
    }
