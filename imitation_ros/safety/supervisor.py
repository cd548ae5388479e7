# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""SafetySupervisor: the state machine between proposals and commands, one step per command period.

It knows two clocks. `now_ns` is the clock of the stamps (ROS time, which a simulation may freeze
or slow down); `steady_ns` never stops, so the watchdogs work whatever happens to the other.
"""

from collections.abc import Callable, Mapping

from ..contract import Contract
from ..data.frame import Array
from ..data.proposal import Proposal
from ..errors import SafetyError
from .estop import EstopPublishers, UNKNOWN
from .filter import SafetyFilter
from .intervention import internal_error, Intervention, Rule
from .measured import MeasuredState
from .player import NS, ProposalPlayer
from .tracking import Tracking
from .verdict import State, Verdict

NONSENSE = (
    Rule.REJECTED_NON_FINITE,
    Rule.REJECTED_OUT_OF_RANGE,
    Rule.REJECTED_NAMES,
    Rule.REJECTED_MALFORMED,
)
"""Refusals that no later moment, and no other pose of the robot, would make good."""

CLOCK_JUMP_NS = 100_000_000
"""A clock that goes back by more than this was reset, not adjusted."""


class SafetySupervisor:
    """Arms, plays proposals through the filter, watches, brakes and latches.

    Attributes:
        state: Current state.
        filter: The safety filter.
        player: The proposal player.
    """

    def __init__(
        self,
        contract: Contract,
        safety_filter: SafetyFilter | None = None,
        timer_ns: Callable[[], int] | None = None,
        shadow: bool = False,
    ) -> None:
        """Start disarmed.

        Args:
            contract: The robot.
            safety_filter: Filter to use; built from the contract if None.
            timer_ns: Steady clock that the budget of a step is held against [ns]; None: no budget.
            shadow: Whether another moves the robot and what this says is only looked at: it may
                be armed in motion, and where the robot leaves it, it starts again at the robot.
        """
        self.contract = contract
        self.filter = SafetyFilter(contract) if safety_filter is None else safety_filter
        self.player = ProposalPlayer(contract)
        self._measured = MeasuredState(contract)
        self._tracking = Tracking(contract, self.filter)
        self.state = State.DISARMED
        self._dt_ns = round(NS / contract.rates.command_hz)
        self._estop = EstopPublishers(round(contract.safety.estop_heartbeat_s * NS))
        self._timer_ns = timer_ns
        self._shadow = shadow
        self._budget_ns = round(contract.safety.step_budget * NS / contract.rates.command_hz)
        self._rejections = 0
        self._armed = False
        self._first = True
        self._now_ns: int | None = None
        self._pending: list[Intervention] = []

    @property
    def measured(self) -> Array | None:
        """Last valid measured positions [rad or m], shape (n,), or None."""
        return self._measured.q

    def push_state(self, steady_ns: int, stamp_ns: int, q: Array, v: Array) -> list[Intervention]:
        """Take a measured state; one that repeats its stamp does not count as fresh.

        Args:
            steady_ns: When it arrived, on the steady clock [ns].
            stamp_ns: Its stamp [ns]; 0 for a driver that does not stamp.
            q: Measured positions [rad or m], shape (n,), in contract order.
            v: Measured velocities [rad/s or m/s], shape (n,).

        Returns:
            Why it was refused; empty if it was taken.
        """
        refusal = self._measured.push(steady_ns, stamp_ns, q, v)
        return [] if refusal is None else self._refuse(refusal)

    def push_proposal(self, now_ns: int, steady_ns: int, proposal: Proposal) -> list[Intervention]:
        """Take a proposal.

        Args:
            now_ns: Time on the clock of the stamps [ns].
            steady_ns: Time on the steady clock [ns].
            proposal: What is proposed.

        Returns:
            Why it was refused; empty if it was taken, or if the robot is not armed.
        """
        if self.state not in (State.HOLD, State.ACTIVE):
            return []
        if self._measured.stale(steady_ns):
            return self.reject(
                Rule.STATE_STALE, 'no proposal is taken without a fresh measured state'
            )
        first_move = self.contract.safety.first_move if self._first else None
        try:
            refusal = self.player.push(now_ns, proposal, self.filter.rest, first_move)
        except Exception as error:  # noqa: BLE001  (whatever it is, the robot has to stop)
            return self.fail(error)
        if refusal is not None:
            return self._refuse(refusal)
        self._first, self._rejections = False, 0
        self.state = State.ACTIVE
        return []

    def fail(self, error: Exception) -> list[Intervention]:
        """Something that serves the commands failed: brake and latch."""
        why = internal_error(f'{type(error).__name__}: {error}')
        if self.state is State.ESTOP:
            self.player.clear()
            return self._report(why)
        self._fault(why)
        return [why]

    def hand_over(self) -> None:
        """Another one drives from now on: its first proposal has to start close to the command.

        The motion goes on until then; what is left of it dies away in the new one.
        """
        self._first = True

    def reject(
        self,
        rule: Rule,
        text: str,
        joint: str | None = None,
        asked: float | None = None,
    ) -> list[Intervention]:
        """Note a message that could not even be read; the next verdict carries it."""
        return self._refuse(Intervention(rule, text, joint=joint, asked=asked))

    def push_estop(
        self, steady_ns: int, pressed: bool, source: str = UNKNOWN, releases: bool = True
    ) -> None:
        """Take a message of the e-stop topic: true latches, false only allows a reset.

        Args:
            steady_ns: When it arrived, on the steady clock [ns].
            pressed: What it says.
            source: Its publisher: a false takes back nobody's true but the publisher's own.
            releases: Whether a false takes back the source's true; not where the publisher is
                unknown and not the only one.
        """
        self._estop.push(steady_ns, pressed, source, releases)
        if pressed:
            self.estop('the e-stop topic says stop')

    def see_estop_publishers(self, steady_ns: int, listed: Mapping[str, str]) -> None:
        """Take the names of the publishers that the graph lists, by source."""
        self._estop.look(steady_ns, listed)

    def estop(self, reason: str) -> None:
        """Latch the e-stop: brake to standstill, then hold the last command."""
        if self.state is State.ESTOP:
            return
        self.state = State.ESTOP
        self.player.clear()
        self._report(Intervention(Rule.ESTOP, f'e-stop: {reason}'))

    def reset(self) -> tuple[str, ...]:
        """Release a latched e-stop or fault; arming is still a step of its own.

        Returns:
            Publishers of the e-stop that pressed when they went away, by name: their stop is
            over, too.

        Raises:
            SafetyError: If the e-stop is still pressed, by whom, or the command still moves.
        """
        if self.state not in (State.ESTOP, State.FAULT):
            return ()
        self._estop.check_released()
        if self._armed and not self.filter.at_rest:
            raise SafetyError('still braking')
        self._disarmed()
        return self._estop.forget_gone()

    def arm(self, now_ns: int, steady_ns: int) -> None:
        """Start from the measured pose with zero velocity.

        Raises:
            SafetyError: With the reason, if the robot is latched, already armed, outside its
                limits, moving, or its state is unknown or stale.
        """
        if self.state in (State.ESTOP, State.FAULT):
            raise SafetyError(f'{self.state.value} is latched; reset it first')
        if self.state is not State.DISARMED:
            raise SafetyError(f'already armed ({self.state.value})')
        if not self._estop.alive(steady_ns):
            raise SafetyError('no heartbeat of the e-stop')
        q = self._measured.startable(steady_ns, moving=self._shadow)
        for intervention in self.filter.reset(q):
            self._report(intervention)
        self.player.clear()
        self._tracking.restart()
        self._estop.arm(steady_ns)
        self._armed, self._first, self._rejections = True, True, 0
        self._now_ns = now_ns
        self.state = State.HOLD

    def disarm(self) -> None:
        """Brake, then send nothing; a latched e-stop or fault stays latched."""
        if self.state in (State.HOLD, State.ACTIVE):
            self.player.clear()
            self.state = State.DISARMING

    def step(self, now_ns: int, steady_ns: int) -> Verdict:
        """One command period.

        Args:
            now_ns: Time on the clock of the stamps [ns].
            steady_ns: Time on the steady clock [ns].

        Returns:
            What to send, if anything, and why it differs from what was asked; finite, and at the
            worst full braking, whatever fails.
        """
        q, v = self.filter.q, self.filter.v
        try:
            return self._step(now_ns, steady_ns)
        except Exception as error:  # noqa: BLE001  (whatever it is, the robot has to stop)
            why = self.fail(error)[0]
        if not self._armed:
            return Verdict(self.state, None, None, self._take())
        # What was not sent is no set-point.
        self.filter.q, self.filter.v = q, v
        step = self.filter.brake(why)
        return Verdict(self.state, step.q, step.v, self._take())

    def _step(self, now_ns: int, steady_ns: int) -> Verdict:
        """One command period, if nothing fails: see `step`."""
        deadline_exceeded = self._deadline()
        self._watch(now_ns, steady_ns)
        if not self._armed:
            return Verdict(self.state, None, None, self._take())
        target = velocity = None
        if self.state is State.ACTIVE:
            target = self.player.target(now_ns + self._dt_ns)
            if target is None:
                self._hold(Intervention(Rule.PROPOSAL_TIMEOUT, 'no proposal to play any more'))
            else:
                before = self.player.target(now_ns)
                velocity = (target - (target if before is None else before)) / self.filter.dt
        step = self.filter.step(target, velocity, deadline_exceeded)
        if step.failed and self.state is not State.ESTOP:
            self.state = State.FAULT
            self.player.clear()
        if self.state is State.DISARMING and self.filter.at_rest:
            self._disarmed()
            return Verdict(self.state, None, None, self._take())
        proposal = self.player.proposal
        return Verdict(
            self.state,
            step.q,
            step.v,
            (*self._take(), *step.interventions),
            proposal.stamp_ns if proposal is not None and target is not None else None,
        )

    def _deadline(self) -> Callable[[], bool] | None:
        """Start the time that a step may take; tells whether it is used up. None: no budget."""
        timer = self._timer_ns
        if timer is None or not self._budget_ns:
            return None
        end = timer() + self._budget_ns
        return lambda: timer() > end

    def _watch(self, now_ns: int, steady_ns: int) -> None:
        """Watchdogs: clock, heartbeat, freshness of the state, tracking."""
        if self._now_ns is not None and now_ns < self._now_ns - CLOCK_JUMP_NS:
            self.player.restart()
            self._hold(Intervention(Rule.CLOCK_JUMP, 'the clock of the stamps went back'))
        self._now_ns = now_ns
        lost = self._estop.lost(steady_ns) if self._armed else None
        if lost is not None:
            self.estop(lost)
        q = self._measured.q
        if not self._armed or q is None:
            return
        if self._measured.stale(steady_ns):
            if self.state is State.ACTIVE:
                self._hold(Intervention(Rule.STATE_STALE, 'the measured state is stale'))
            return
        astray = self._tracking.lost(q)
        if astray is not None and self.state in (State.HOLD, State.ACTIVE):
            if self._shadow:
                self._start_again(astray, q)
            else:
                self._fault(astray)

    def _start_again(self, lost: Intervention, q: Array) -> None:
        """Go on at rest where the robot is (q: measured positions), which another moves."""
        text = f'the shadow starts again at the robot: {lost.text}'
        self._hold(lost._replace(rule=Rule.REBASED, text=text))
        for intervention in self.filter.reset(q):
            self._report(intervention)
        self._tracking.restart()

    def _fault(self, why: Intervention) -> None:
        """Latch: brake, then hold until somebody resets."""
        self.state = State.FAULT
        self.player.clear()
        self._report(why)

    def _hold(self, why: Intervention) -> None:
        """Stop playing; the next proposal has to start close to the command again."""
        self.player.clear()
        self._first = True
        if self.state is State.ACTIVE:
            self.state = State.HOLD
        self._report(why)

    def _disarmed(self) -> None:
        """Forget the command."""
        self.player.clear()
        self._armed = False
        self.state = State.DISARMED

    def _refuse(self, why: Intervention) -> list[Intervention]:
        """Report a refused message; a source that sends nothing but nonsense latches."""
        self._report(why)
        most = self.contract.safety.max_rejections
        if most and why.rule in NONSENSE and self.state in (State.HOLD, State.ACTIVE):
            self._rejections += 1
            if self._rejections >= most:
                text = f'{most} proposals in a row could not be used; the last: {why.text}'
                self._fault(Intervention(Rule.REJECTIONS, text, joint=why.joint))
        return [why]

    def _report(self, intervention: Intervention) -> list[Intervention]:
        """Keep an intervention for the next verdict."""
        self._pending.append(intervention)
        return [intervention]

    def _take(self) -> tuple[Intervention, ...]:
        """Interventions since the last verdict."""
        taken = tuple(self._pending)
        self._pending.clear()
        return taken
