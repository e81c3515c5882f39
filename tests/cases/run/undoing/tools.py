"""A hotel that cannot be cancelled, a bank that takes no money, and a session that cannot be closed."""


def book(name: str) -> str:
    return name


def cancel(name: str) -> None:
    if name == "hotel":
        raise ConnectionError("the hotel does not answer")


def pay(name: str) -> str:
    raise PermissionError(f"no money for the {name}")


def close(name: str) -> None:
    raise OSError(f"the {name} is stuck")
