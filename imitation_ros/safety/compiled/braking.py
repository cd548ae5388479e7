# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The brake certificate, compiled; `..certificate` states what it proves and how."""

from typing import Any

import numpy as np

from ...data.frame import Array
from .approach import braking_distance
from .arrays import unpack
from .distance import apart
from .jit import kernel
from .kinematics import dot_n, place

HORIZON = 10**9


@kernel
def quiet(room: float, after: float, step: float, rest: float) -> int:
    """For how many set-points a clearance lasts: see `BrakeCertificate._quiet`."""
    if room + max(after, 0.0) >= rest:
        return HORIZON
    ratio = room / max(step, 1e-15)
    if not ratio > 0.0:  # NaN is looked at now
        return 0
    return int(min(ratio, HORIZON))


@kernel
def refused(
    floats: Array,
    numbers: Any,
    pose_floats: Array,
    q: Array,
    x: Array,
    dt: float,
    step: Array,
    rest: Array,
    distance: Array,
    ahead: Array,
    threshold: Array,
    due: Any,
    chosen: Any,
    scratch: Array,
) -> int:
    """A pair that comes closer than its threshold under full braking from (q + dt x, x), or -1.

    Args:
        floats: Of `Packed`.
        numbers: Of `Packed`.
        pose_floats: Of `Packed`, overwritten.
        q: Last set-point [rad or m], shape (n,).
        x: Velocity under test [rad/s or m/s], shape (n,).
        dt: Period [s].
        step: Change of velocity in one period at full acceleration, shape (n,).
        rest: Where full braking from `q` comes to rest [rad or m], shape (n,).
        distance: Distances at `q` [m], shape (pairs,).
        ahead: Distances at `rest` [m], shape (pairs,); infinite where nobody looked.
        threshold: Distance each pair has to keep [m], shape (pairs,).
        due: Overwritten, shape (pairs,).
        chosen: Overwritten, shape (pairs,).
        scratch: Overwritten, shape (4, n).
    """
    tree, bodies, pose = unpack(floats, numbers, pose_floats)
    n = len(q)
    rate_bounds, widest = bodies.rate_bounds, bodies.widest
    speed, travel, now, left = scratch[0], scratch[1], scratch[2], scratch[3]
    moved, after = np.empty(n), np.empty(len(due))
    last, way = 0, 0.0
    for i in range(n):
        speed[i] = abs(x[i])
        units = speed[i] / step[i]
        travel[i] = braking_distance(units) * step[i] * dt
        way += travel[i]
        moved[i] = abs(q[i] + np.sign(x[i]) * travel[i] - rest[i])
        last = max(last, int(np.ceil(units)))
    count, at = 0, HORIZON
    for p in range(len(rate_bounds)):
        room = distance[p] - threshold[p]
        if room >= widest[p] * way:
            continue
        most = dot_n(rate_bounds[p], travel)
        if room >= most:
            continue
        after[count] = -np.inf
        if np.isfinite(ahead[p]):
            after[count] = ahead[p] - threshold[p] - dot_n(rate_bounds[p], moved)
        due[count] = quiet(room, after[count], dt * dot_n(rate_bounds[p], speed), most)
        at = min(at, due[count])
        chosen[count] = p
        count += 1
    while at <= last:
        for i in range(n):
            m = min(np.floor(speed[i] / step[i]), float(at))
            done = (m * speed[i] - 0.5 * m * (m + 1.0) * step[i]) * dt
            now[i] = q[i] + dt * x[i] + np.sign(x[i]) * done
            left[i] = max(speed[i] - (at + 1.0) * step[i], 0.0)
            travel[i] = braking_distance(left[i] / step[i]) * step[i] * dt
        place(tree, bodies, now, pose)
        least, worst, soon = np.inf, -1, HORIZON
        for c in range(count):
            if due[c] <= at:
                p = chosen[c]
                room = apart(bodies, pose, p) - threshold[p]
                if not room >= least:
                    least, worst = room, p
                most = dot_n(rate_bounds[p], travel)
                lasts = quiet(room, after[c], dt * dot_n(rate_bounds[p], left), most)
                due[c] = min(at + 1 + lasts, HORIZON)
            soon = min(soon, due[c])
        if worst >= 0 and not least >= 0.0:
            return worst
        at = soon
    return -1
