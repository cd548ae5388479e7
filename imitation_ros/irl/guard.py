# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Guard: which of a training's policies is the result, by success from starts of its own.

Adversarial training has no loss that says when a policy is good, and falls as easily as it rises.
So the policy is tried without exploration from time to time, first as it began, and the best one
is kept: the result is never worse than its beginning on these starts. They belong to the guard
alone; what the result is worth is measured from others.
"""

from dataclasses import dataclass

from .config import Guard


@dataclass
class Selection:
    """What the guard has seen.

    Attributes:
        best: Highest success so far.
        iteration: Iteration that had it first.
        falls: Evaluations since, all of them below it.
    """

    best: float = -1.0
    iteration: int = 0
    falls: int = 0

    def see(self, iteration: int, success: float) -> bool:
        """Take an evaluation; whether it is the best one so far."""
        if success > self.best:
            self.best, self.iteration, self.falls = success, iteration, 0
            return True
        self.falls = self.falls + 1 if success < self.best else 0
        return False

    def over(self, settings: Guard) -> bool:
        """Whether it is time to stop: it only falls, or cannot rise."""
        return self.falls >= settings.patience or self.best >= 1.0
