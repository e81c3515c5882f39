"""Names that lead back to themselves."""

from .ring import B
from .ring import C as B


class A(A):
    pass
