import os

from flowlang.agents import effect

print("printed on import")


@effect("read")
def prints(text: str) -> str:
    print(text)
    os.system("echo from a shell")
    return text
