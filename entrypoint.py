"""The entry point of the action and of the command."""

from tagger.cli import main

if __name__ == "__main__":
    main()
