"""`python -m local.aws_server --port P`: SQS and Secrets Manager by moto, in memory."""

import argparse
import logging
import signal
import threading

from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from local.processes import LOOPBACK


def main() -> None:
    """Serves until SIGTERM."""
    parser = argparse.ArgumentParser(prog="local.aws_server")
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    # One line a request, with queue names, helps nobody.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    signal.signal(signal.SIGINT, lambda *_: stopped.set())
    ThreadedMotoServer(LOOPBACK, port, verbose=False).start()
    stopped.wait()


if __name__ == "__main__":
    main()
