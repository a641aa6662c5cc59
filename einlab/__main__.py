"""`python -m einlab` is the command line."""

from einlab.cli import main

if __name__ == "__main__":
    main()
