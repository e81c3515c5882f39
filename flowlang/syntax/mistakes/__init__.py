"""A token that does not fit -> a diagnostic that says what to write instead (`diagnosis.py`).

Each family of messages stands in a module of its own, as functions from a `Misfit` to a diagnostic or None.
Sound text needs none of them but `characters.py`."""
