"""`python -m pleura` is the command `pleura`."""

from pleura._program import main

if __name__ == "__main__":
    main()
