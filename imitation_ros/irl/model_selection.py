# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Guard: which of a training's policies is the result, by success from starts of its own.

Adversarial training has no loss that says when a policy is good, and falls as easily as it rises.
So the policy is tried without exploration from time to time, first as it began, and the best one
is kept: the result is never worse than its beginning on these starts. They belong to the guard
alone; what the result is worth is measured from others. The safety supervisor is in between, as
it will be on the robot: without it, a policy that asks for too much looks better than it is.

The best of several tries flatters itself, so what replaces the beginning has to be better by a
margin: otherwise a good BC is given away for one lucky start. One start of three is from where the
demonstrated ones are, and there it may not be worse at all: practice can forget what is near.
"""

from dataclasses import dataclass

from .config import Guard

NEAR = 3
"""One of so many starts is from the demonstrated region."""


@dataclass
class Selection:
    """What the guard has seen.

    Attributes:
        best: Highest success so far.
        iteration: Iteration that had it first.
        falls: Evaluations since, all of them below it.
        needed: What the first one to replace the beginning has to reach.
        shown: Success of the beginning from starts as demonstrated.
    """

    best: float = -1.0
    iteration: int = 0
    falls: int = 0
    needed: float = -1.0
    shown: float = 0.0

    def see(self, iteration: int, success: float, margin: float, shown: float = 1.0) -> bool:
        """Take an evaluation; whether it is the best one so far.

        Args:
            iteration: Which one it is of; the first is of the beginning.
            success: Share of the starts that succeeded.
            margin: By how much the beginning has to be beaten.
            shown: Share of those as demonstrated alone.
        """
        first = self.best < 0.0
        if success > self.best and success >= self.needed - 1e-9 and shown >= self.shown - 1e-9:
            if first:
                self.needed, self.shown = success + margin, shown
            self.best, self.iteration, self.falls = success, iteration, 0
            return True
        self.falls = self.falls + 1 if success < self.best else 0
        return False

    def over(self, settings: Guard) -> bool:
        """Whether it is time to stop: it only falls, or cannot rise."""
        room = self.best < 1.0 and (self.iteration or self.needed <= 1.0 + 1e-9)
        return self.falls >= settings.patience or not room
