"""The entry point of the action and of the command."""

import gc

if __name__ == "__main__":
    gc.set_threshold(100_000)  # a run keeps most of what it makes: looking for garbage all the time costs a twentieth
    from tagger.cli import main

    main()
