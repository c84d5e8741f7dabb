"""`python -m toktra`."""

from toktra.cli import main

main()
