"""`__all__` says what is public."""

from .shapes import Circle, Shape as Form
import shapes
import ring

__all__ = ["_kept", "drawn", "circled", "ringed"]


def _kept() -> None: ...  # agent: _kept() -> null
def left_out(x) -> None: ...
def drawn(shape: Form) -> shapes.Circle: ...  # agent: drawn(shape: Circle?) -> Circle
def circled(circle: Circle) -> shapes.Missing: ...  # mistake: the result: `shapes.Missing` is not known here (import it, or define it in this file)
def ringed(a: ring.A, b: ring.B) -> shapes.Bad: ...  # mistake: the parameter `a`: `A` inherits from itself (ring.py, line 7) # mistake: the parameter `b`: `ring.B` is not known here (import it, or define it in this file) # mistake: the result: `set` has no counterpart in a flow (shapes.py, line 13) (a set has no order: use `list[T]`)
