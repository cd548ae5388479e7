# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""XML elements that hold a value."""

from xml.etree.ElementTree import Element, SubElement


def add_text(parent: Element, tag: str, text: object, **attributes: str) -> Element:
    """Add an element with a text to another one."""
    element = SubElement(parent, tag, attributes)
    element.text = str(text)
    return element
