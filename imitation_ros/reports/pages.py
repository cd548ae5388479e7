# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pages: one HTML file that needs no other, from a template, its styles and what it shows."""

from collections.abc import Mapping
import importlib.resources
from pathlib import Path
from typing import Any

import jinja2

from ..files import replace_text


def render(template: str, page: Mapping[str, Any], *styles: str) -> str:
    """HTML of a template; styles, pictures and plots are inside, so it can be mailed.

    Args:
        template: File name of the template.
        page: What it shows.
        styles: File names of its style sheets, in order.
    """
    templates = importlib.resources.files(__package__) / 'templates'
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    text = (templates / template).read_text(encoding='utf-8')
    style = '\n'.join((templates / name).read_text(encoding='utf-8').rstrip() for name in styles)
    return environment.from_string(text).render(page=page, style=style) + '\n'


def write(texts: Mapping[Path, str]) -> None:
    """Write files; a reader never sees half of one."""
    for path, text in texts.items():
        replace_text(path, text)
