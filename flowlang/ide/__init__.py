"""Floor 9, ide: what an editor asks of flows, as pure functions of the analysis. Knows no protocol, no files.

`snapshot.py` says what every feature is given and what it may rely on."""
