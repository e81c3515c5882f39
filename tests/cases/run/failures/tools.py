import sys
import time

from flowlang.agents import effect


class NotFound(Exception):
    def __init__(self, city: str) -> None:
        super().__init__(f"no rooms in {city}")
        self.city, self.left = city, 0


@effect("read")
def raises() -> str:
    raise ValueError("nothing\nworks")


@effect("read")
def leaves() -> None:
    sys.exit("good bye")


@effect("read")
def sells(city: str) -> str:
    raise NotFound(city)


@effect("read")
def lies() -> int:
    return "seven"  # type: ignore[return-value]


@effect("idempotent")
def books(name: str) -> str:
    return name


@effect("idempotent")
def cancels(name: str) -> None:
    pass


@effect("idempotent")
def cannot_cancel(name: str) -> None:
    raise OSError(f"{name} cannot be cancelled")


@effect("read")
def hangs() -> None:
    time.sleep(0.3)
