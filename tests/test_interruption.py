"""Signals reach a run that waits."""

import subprocess
import sys

WAITING = """
import signal, socket, threading, time
from tagger.interruption import Interruption

interruption = Interruption()
ended, begun = threading.Event(), time.monotonic()
interruption.stop = ended.set
interruption.listen()
# Another thread gets it, so that the call that the main one waits in is not interrupted.
threading.Timer(0.3, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGINT)).start()
one, other = socket.socketpair()
threading.Thread(target=lambda: (ended.wait(60), other.close()), daemon=True).start()
one.settimeout(60)
one.recv(1)
print(interruption.error, time.monotonic() - begun < 30)
"""


def test_a_signal_that_comes_as_the_main_thread_begins_to_wait_ends_the_run() -> None:
    ran = subprocess.run([sys.executable, "-c", WAITING], capture_output=True, text=True, timeout=90, check=False)
    assert (ran.stdout.strip(), ran.stderr) == ("the run was ended by SIGINT True", "")
