# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sphinx: the pages of this folder, and those that tools/reference.py reads off the code."""

from pathlib import Path
import sys

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / 'tools')]

import reference  # noqa: E402

import imitation_ros  # noqa: E402

project = 'imitation_ros'
author = 'The imitation_ros authors'
copyright = f'2026, {author}'
version = release = imitation_ros.__version__
extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon']
myst_heading_anchors = 4
myst_enable_extensions = ['dollarmath']
exclude_patterns = ['_build']
default_role = 'code'
html_theme = 'furo'
html_title = f'imitation_ros {release}'
autodoc_member_order = 'bysource'
autodoc_typehints = 'description'
napoleon_numpy_docstring = False


def source_links(_app: object, doctree: 'object') -> None:
    """Show links to sources, which are no pages, as the names of the files."""
    from docutils import nodes
    from sphinx.addnodes import download_reference, pending_xref

    for node in list(doctree.findall(pending_xref)) + list(doctree.findall(download_reference)):
        target = node.get('reftarget', '')
        if target.startswith('../') and not target.split('#')[0].endswith('.md'):
            node.replace_self(nodes.literal('', node.astext()))


def write_pages(_app: object) -> None:
    """Write the generated pages, which git ignores, and leave those alone that did not change."""
    folder = HERE / 'generated'
    folder.mkdir(exist_ok=True)
    for name, text in reference.pages().items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding='utf-8') != text:
            path.write_text(text, encoding='utf-8')


def setup(app: object) -> None:
    """Connect to Sphinx."""
    app.connect('builder-inited', write_pages)
    app.connect('doctree-read', source_links)
