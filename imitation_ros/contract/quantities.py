# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Numbers of a contract with what they may be and in which unit; NaN is never among them."""

from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError


class Range:
    """A range of numbers with a unit.

    Attributes:
        low: Lowest value.
        high: Highest value.
        unit: Unit of both, '' if there is none.
        above: Whether the value is above the lowest one, never equal to it.
    """

    def __init__(self, low: float, high: float, unit: str, above: bool = False) -> None:
        """Keep the bounds."""
        self.low, self.high, self.unit, self.above = low, high, unit, above

    def __str__(self) -> str:
        """Say what a value is to be."""
        unit = f' {self.unit}' if self.unit else ''
        least = f'above {self.low:g}' if self.above else f'from {self.low:g}'
        return f'{least} up to {self.high:g}{unit}'

    def check(self, value: float) -> float:
        """Give a value back, if it is in the range.

        Raises:
            PydanticCustomError: If it is not.
        """
        enough = value > self.low if self.above else value >= self.low
        if not (enough and value <= self.high):
            raise PydanticCustomError('range', 'must be {range}', {'range': str(self)})
        return value


_RATE = Range(0.0, 10_000.0, 'Hz', above=True)
_AGE = Range(0.0, 60.0, 's', above=True)
_TIME = Range(0.0, 60.0, 's')
_SPEED = Range(0.0, 1000.0, 'rad/s or m/s', above=True)
_STEP = Range(0.0, 100.0, 'rad or m', above=True)
_TOLERANCE = Range(0.0, 10.0, 'rad or m')
_SIZE = Range(0.0, 1000.0, 'm', above=True)

Rate = Annotated[float, AfterValidator(_RATE.check)]
Age = Annotated[float, AfterValidator(_AGE.check)]
SlowAge = Annotated[float, AfterValidator(Range(0.0, 86_400.0, 's', above=True).check)]
"""Age of data of any kind, which may come once an hour."""
Time = Annotated[float, AfterValidator(_TIME.check)]
Silence = Annotated[float, AfterValidator(Range(0.0, 3600.0, 's').check)]
Speed = Annotated[float, AfterValidator(_SPEED.check)]
ToolSpeed = Annotated[float, AfterValidator(Range(0.0, 1000.0, 'm/s', above=True).check)]
Acceleration = Annotated[
    float, AfterValidator(Range(0.0, 100_000.0, 'rad/s^2 or m/s^2', above=True).check)
]
Position = Annotated[float, AfterValidator(Range(-1e6, 1e6, 'rad or m').check)]
Step = Annotated[float, AfterValidator(_STEP.check)]
Tolerance = Annotated[float, AfterValidator(_TOLERANCE.check)]
Distance = Annotated[float, AfterValidator(Range(1e-4, 1.0, 'm').check)]
"""Distance of links: less than a tenth of a millimetre is nothing that a robot can keep."""
Margin = Annotated[float, AfterValidator(Range(0.0, 1.0, 'm').check)]
Share = Annotated[float, AfterValidator(Range(0.0, 1.0, '').check)]
Budget = Annotated[float, AfterValidator(Range(0.0, 100.0, '').check)]
PerSecond = Annotated[float, AfterValidator(Range(0.0, 1000.0, '1/s').check)]
Place = Annotated[float, AfterValidator(Range(-1000.0, 1000.0, 'm').check)]
Direction = Annotated[float, AfterValidator(Range(-1e6, 1e6, '').check)]
Size = Annotated[float, AfterValidator(_SIZE.check)]
Pixels = Annotated[int, AfterValidator(Range(1, 16_384, 'pixels').check)]
Depth = Annotated[int, AfterValidator(Range(1, 100_000, 'messages').check)]
Rows = Annotated[int, AfterValidator(Range(1, 10_000, 'rows').check)]
Ticks = Annotated[int, AfterValidator(Range(1, 100_000, 'ticks').check)]
Rejections = Annotated[int, AfterValidator(Range(0, 1_000_000, 'proposals').check)]
