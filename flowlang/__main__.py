"""`python -m flowlang` is `flow`."""

from flowlang.tools.cli import main

if __name__ == "__main__":
    main()
