def name_of(city: str) -> str:
    return city.title()
