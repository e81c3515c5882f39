"""How plans are made up: layers of one maker, each of which knows those below it."""
