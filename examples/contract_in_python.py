# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A contract written in Python: a two-joint arm, described where it is used.

The same keys as in YAML (docs: contract reference), checked in the same way, with an editor's
completion. `contract.text` is the YAML; save it to use the robot from the command line.

    python examples/contract_in_python.py NEW_FOLDER
"""

from pathlib import Path
import sys

import imitation_ros
from imitation_ros.contract import Group, Output, Rates, Safety
from imitation_ros.contract.schema import ContractFile

LINK = '<link name="{0}"><collision><origin xyz="0 0 0.1"/><geometry><cylinder radius="0.03" \
length="0.2"/></geometry></collision><inertial><mass value="1"/><inertia ixx="0.01" ixy="0" \
ixz="0" iyy="0.01" iyz="0" izz="0.01"/></inertial></link>'
JOINT = '<joint name="{0}" type="revolute"><parent link="{1}"/><child link="{2}"/>\
<origin xyz="0 0 0.25"/><axis xyz="0 1 0"/><limit lower="-1.5" upper="1.5" velocity="2" \
effort="20"/></joint>'
URDF = f"""<robot name="two">{''.join(map(LINK.format, ('base', 'upper', 'lower')))}
{JOINT.format('shoulder', 'base', 'upper')}{JOINT.format('elbow', 'upper', 'lower')}</robot>"""


def main(out: str) -> None:
    """Write the URDF, load the contract, and move the arm through a filter."""
    folder = Path(out).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'two.urdf').write_text(URDF)
    file = ContractFile(
        name='two',
        urdf=str(folder / 'two.urdf'),
        rates=Rates(policy_hz=20.0, command_hz=100.0),
        groups=(Group(name='arm', joints=('shoulder', 'elbow'), output=Output(topic='/arm/go')),),
        safety=Safety(velocity=1.0, acceleration=4.0, position_margin=0.05),
    )
    contract = imitation_ros.load_contract(file)
    print(contract.joints, 'within', contract.limits.lower, 'to', contract.limits.upper, 'rad')
    safety = imitation_ros.SafetyFilter(contract)
    for _ in range(400):
        step = safety.step(contract.home + 3.0)  # outside of every limit
    print('asked for 3 rad, the filter stops at', step.q.round(3))
    (folder / 'two.yaml').write_text(contract.text)
    print('imitation_ros check --robot', folder / 'two.yaml')


if __name__ == '__main__':
    main(sys.argv[1])
