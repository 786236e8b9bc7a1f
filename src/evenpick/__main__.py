"""`python -m evenpick`."""

from .cli import main

main()
