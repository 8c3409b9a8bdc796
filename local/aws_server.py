"""`python -m local.aws_server --port P`: SQS and Secrets Manager by moto, in memory."""

import argparse
import json
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.sqs import models
from moto.sqs.exceptions import SQSException
from werkzeug import Request, Response
from werkzeug.serving import make_server

from local.processes import LOOPBACK
from local.runtime.credentials import TEST_CREDENTIALS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_caller = threading.local()


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
    wait = _wait_while_somebody_listens(models.Queue.wait_for_messages)
    models.Queue.wait_for_messages = wait  # type: ignore[method-assign]
    application = only_with_the_test_key(DomainDispatcherApplication(create_backend_app))
    server = make_server(
        LOOPBACK, port, application, threaded=True, request_handler=MotoRequestHandler
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stopped.wait()


def only_with_the_test_key(application: "WSGIApplication") -> "WSGIApplication":
    """Refuses, as AWS would, a call signed in nobody's name; moto looks at no key."""
    signed = f"Credential={TEST_CREDENTIALS['AWS_ACCESS_KEY_ID']}/"
    refusal = json.dumps({"__type": "UnrecognizedClientException", "message": "unknown key"})

    @Request.application
    def refused(request: Request) -> Response:
        request.get_data()  # what is left unread would reset the connection
        return Response(refusal, status=400, content_type="application/x-amz-json-1.1")

    def guarded(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        _caller.socket = environ.get("werkzeug.socket")
        known = signed in environ.get("HTTP_AUTHORIZATION", "")
        return (application if known else refused)(environ, start_response)

    return guarded


def _wait_while_somebody_listens(wait: Callable[..., None]) -> Callable[..., None]:
    """Ends a long poll whose caller is gone.

    moto would give it the next messages all the same; they would stay hidden, and count as
    received, although nobody has seen them.
    """

    def waiting(queue: models.Queue, timeout: int) -> None:
        wait(queue, timeout)
        if _is_closed(getattr(_caller, "socket", None)):
            raise SQSException("RequestCanceled", "The caller is gone.")

    return waiting


def _is_closed(connection: socket.socket | None) -> bool:
    if connection is None:
        return False
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False  # open, and silent as it should be
    except OSError:
        return True


if __name__ == "__main__":
    main()
