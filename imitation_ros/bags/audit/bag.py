# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Judge a bag: ok, warn or reject, and why.

Rates and gaps are those of the header stamps, the times the converter works with; a message that
arrived late is no gap. Where a message has no header its publish time stands in.
"""

from dataclasses import replace

from ...contract import Contract
from ...documents import mapping, parse_json, reading
from ...errors import BagError
from ..reader import Bag
from ..topics import as_recorded, recorded, Topic
from .audit import Auditor
from .report import Audit, Bounds, TopicAudit, Verdict

__all__ = ['Audit', 'Bounds', 'TopicAudit', 'Verdict', 'audit', 'listen']


def audit(bag: Bag, contract: Contract | None = None, bounds: Bounds | None = None) -> Audit:
    """Judge a bag.

    Args:
        bag: The open bag.
        contract: What should be in it; the contract inside the bag if None. If there is neither,
            the rates and gaps of every topic are told, and judged by their own medians.
        bounds: What is still good enough.

    Raises:
        BagError: If the bag is damaged inside.
    """
    auditor = listen(bag, contract, bounds)
    wanted = [name for name in auditor.tracks if bag.types.get(name) == _type(auditor, name)]
    for message in bag.messages(wanted):
        auditor.push(
            message.topic, message.log_ns, message.publish_ns, message.sequence, message.data
        )
    return conclude(auditor, bag)


def listen(bag: Bag, contract: Contract | None = None, bounds: Bounds | None = None) -> Auditor:
    """Auditor that fits a bag, and has heard nothing yet."""
    contract = contract or bag.contract
    if contract is not None:
        contract = as_recorded(contract, bag.types)
        topics = recorded(contract)
    else:
        topics = tuple(
            Topic(name, kind, stamped=bag.stamped(kind), described=False)
            for name, kind in sorted(bag.types.items())
        )
    return Auditor(topics, contract, bag.decode_as, bounds)


def conclude(auditor: Auditor, bag: Bag) -> Audit:
    """Verdict of an auditor that has heard a bag."""
    meta = bag.meta
    found = auditor.finish(
        meta.episode if meta else bag.path.stem,
        _lost(bag),
        bag.types,
        bool(meta and meta.recovered),
        bag.publishers,
    )
    if auditor.described:
        return found
    wrong = _unreadable(bag)
    if not wrong:
        return found
    return replace(found, verdict='reject', reasons=(*wrong, *found.reasons))


def _unreadable(bag: Bag) -> list[str]:
    """Topics whose first message is not of the type that the bag says, one sentence each."""
    wrong = []
    for topic, kind in sorted(bag.types.items()):
        if not bag.knows(kind):
            continue
        for message in bag.messages([topic]):
            try:
                bag.decode(message)
            except BagError as error:
                wrong.append(str(error).removeprefix(f'{bag.path}: '))
            break
    return wrong


def _lost(bag: Bag) -> dict[str, int]:
    """Messages that the recorder missed, by topic, as the bag tells."""
    text = '{}' if bag.meta is None else bag.meta.extra.get('lost', '{}')
    with reading(bag.path):
        told = mapping(parse_json(text, bag.path), bag.path)
        return {topic: int(count) for topic, count in told.items()}


def _type(auditor: Auditor, name: str) -> str:
    return auditor.tracks[name].topic.type
