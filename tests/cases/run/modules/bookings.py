class SoldOut(Exception):
    def __init__(self, city):
        self.city = city


def book(city):
    if city == "Rome":
        raise SoldOut(city)
    return f"a room in {city}"
