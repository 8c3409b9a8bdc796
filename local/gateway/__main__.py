"""`python -m local.gateway --config FILE`: the API, the runtime, pollers and schedules."""

import argparse
import asyncio
import contextlib
import signal
import socket
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import uvicorn

from local.gateway.app import Gateway, Receive, Scope, Send
from local.gateway.config import GatewayConfig
from local.gateway.control import Control
from local.poller import Poller
from local.processes import LOOPBACK
from local.resources import Template
from local.runtime.environment import RuntimeOptions
from local.runtime.pool import Runtime
from local.scheduler import AsyncInvocations, run_schedule
from local.template import load_template

_HEAD_BYTES = 65_536  # above the gateway's own limit, so that the gateway gives the answer


def main() -> None:
    """Serves until SIGTERM or SIGINT, then ends every function instance."""
    parser = argparse.ArgumentParser(prog="local.gateway")
    parser.add_argument("--config", type=Path, required=True)
    config = GatewayConfig.load(parser.parse_args().config)
    # uvicorn repeats the signal after its own shutdown; there is still something to stop by then.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    asyncio.run(_serve(config))


async def _serve(config: GatewayConfig) -> None:
    template = load_template(
        Path(config.template), parameters=config.parameters, aws_endpoint=config.aws_endpoint
    ).with_visibility(config.visibility_seconds)
    runtime = Runtime(template.functions, _runtime_options(config))
    gateway = Gateway(template.api, runtime) if template.api is not None else None
    work = [asyncio.create_task(run) for run in _background(config, template, runtime)]
    try:
        await _serve_http(config, gateway, runtime)
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        await runtime.stop()


def _background(
    config: GatewayConfig, template: Template, runtime: Runtime
) -> list[Coroutine[Any, Any, None]]:
    pollers = [
        Poller(
            source,
            queue=template.queues[source.queue_id],
            endpoint=config.aws_endpoint,
            consumer=runtime,
        ).run()
        for source in (template.event_sources if config.event_sources else ())
    ]
    calls = template.schedules if config.schedules else ()
    asynchronous = AsyncInvocations(template, invoker=runtime, endpoint=config.aws_endpoint)
    return [*pollers, *(run_schedule(call, invoke=asynchronous.invoke) for call in calls)]


async def _serve_http(config: GatewayConfig, gateway: Gateway | None, runtime: Runtime) -> None:
    apps: dict[int, Gateway | Control] = {}
    if gateway is not None:
        apps[config.port] = gateway
    if config.control_port is not None:
        apps[config.control_port] = Control(runtime, gateway, token=config.control_token)

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        await apps[scope["server"][1]](scope, receive, send)

    server = uvicorn.Server(
        uvicorn.Config(
            dispatch,
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            http="h11",
            h11_max_incomplete_event_size=_HEAD_BYTES,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
            timeout_keep_alive=60,
        )
    )
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(_listen(port)) for port in apps]
        await server.serve(sockets=sockets)


def _listen(port: int) -> socket.socket:
    # asyncio turns Nagle's delay off only for sockets that say they are TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((LOOPBACK, port))
    listener.set_inheritable(False)
    return listener


def _runtime_options(config: GatewayConfig) -> RuntimeOptions:
    return RuntimeOptions(
        log_dir=Path(config.log_dir),
        home_dir=Path(config.home_dir),
        python=Path(config.python),
        built=config.built,
        snap_start=config.snap_start,
        overrides=config.overrides,
        extra_environment=config.extra_environment,
        echo=config.echo,
        queue_wait_seconds=config.queue_wait_seconds,
    )


if __name__ == "__main__":
    main()
