def search(query: str) -> list[str]:
    return [query, "y"]


def read(url: str) -> str:
    return f"text of {url}"


def other(word: str) -> str:
    return word


def needy(url: str, more: int) -> str:
    return url


NUMBER = 3
