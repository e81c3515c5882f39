from flowlang.agents import effect


@effect("pure")
def greet(name: str) -> str:
    return f"Hello {name}."


@effect("pure")
async def shout(text: str) -> str:
    return text.upper()


@effect("pure")
def size(text: str) -> int:
    return len(text)
