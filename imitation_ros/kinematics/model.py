# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The contract's robot as a Pinocchio model whose q and v are in contract order."""

from typing import Any
from xml.etree import ElementTree

import numpy as np
import pinocchio as pin

from ..contract import Contract
from ..data.frame import Array
from ..errors import ContractError, unknown


def bounded_followers(contract: Contract) -> str:
    """The URDF with `revolute` for every continuous joint that follows another, or is followed.

    Pinocchio has a cosine and a sine for a continuous joint, and cannot let such a one follow a
    joint of one number. Joints of the contract stay what they are.
    """
    root = ElementTree.fromstring(contract.urdf_text)
    follow = {joint.get('name'): joint.find('mimic') for joint in root.iterfind('joint')}
    led = {mimic.get('joint') for mimic in follow.values() if mimic is not None}
    changed = False
    for joint in root.iterfind('joint'):
        name = joint.get('name')
        if joint.get('type') != 'continuous' or name in contract.joints:
            continue
        if follow[name] is not None or name in led:
            limit = joint.find('limit')
            limit = ElementTree.SubElement(joint, 'limit') if limit is None else limit
            for key, value in (('lower', '-1e6'), ('upper', '1e6')):
                limit.set(key, value)
            for key in ('velocity', 'effort'):
                limit.set(key, limit.get(key, '1e6'))
            joint.set('type', 'revolute')
            changed = True
    return ElementTree.tostring(root, encoding='unicode') if changed else contract.urdf_text


class RobotModel:
    """A fixed-base Pinocchio model reduced to the contract's joints.

    Joints of the URDF that the contract leaves out are locked at zero (or the nearest limit);
    mimic joints follow. Pinocchio sorts joints by the tree, the contract as the user wrote them:
    `to_model` and `to_contract` are the only place that knows both orders.

    Attributes:
        model: Reduced `pinocchio.Model`; nq = nv = n.
        data: Its `pinocchio.Data`.
        contract: The contract.
    """

    def __init__(self, contract: Contract) -> None:
        """Build the model from the contract's URDF."""
        contract.require_robot('a kinematic model')
        self.contract = contract
        try:
            full = pin.buildModelFromXML(bounded_followers(contract), mimic=True)
        except (ValueError, RuntimeError) as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            raise ContractError(
                f'{contract.urdf_path}: Pinocchio makes no model of it: {lines[-1].strip()} '
                '(check_urdf may tell more)'
            ) from error
        reference = np.clip(pin.neutral(full), full.lowerPositionLimit, full.upperPositionLimit)
        keep = set(contract.joints)
        lock = [
            joint
            for joint, name in enumerate(full.names)
            if joint > 0
            and name not in keep
            and 'mimic' not in full.joints[joint].shortname().lower()
        ]
        self.model: Any = pin.buildReducedModel(full, lock, reference)
        self.data: Any = self.model.createData()
        columns = []
        for name in contract.joints:
            joint = self.model.joints[self.model.getJointId(name)]
            if joint.nq != 1:
                raise ContractError(f'joint "{name}" is continuous; give it limits in the URDF')
            columns.append(joint.idx_q)
        if len(columns) != self.model.nq:
            raise ContractError(
                f'the model has {self.model.nq} coordinates, the contract {len(columns)} joints'
            )
        self._columns = np.array(columns, dtype=np.intp)

    def to_model(self, q: Array) -> Array:
        """Contract order to Pinocchio order, shape (n,)."""
        out = np.empty_like(q)
        out[self._columns] = q
        return out

    def to_contract(self, q: Array) -> Array:
        """Pinocchio order to contract order, along the last axis."""
        result: Array = q[..., self._columns]
        return result

    def frame_id(self, name: str) -> int:
        """Id of a frame (link or joint); raises ContractError, listing the frames."""
        if not self.model.existFrame(name):
            raise ContractError(unknown(name, 'frame', (f.name for f in self.model.frames)))
        return int(self.model.getFrameId(name))

    def placement(self, q: Array, frame: str) -> Any:
        """Pose (`pinocchio.SE3`) of a frame in the base, q in contract order, shape (n,)."""
        pin.framesForwardKinematics(self.model, self.data, self.to_model(q))
        return self.data.oMf[self.frame_id(frame)].copy()
