"""The least that an endpoint of Starlette can do with a delivery: read it and answer 200. It keeps nothing."""

import argparse
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


async def receive(request: Request) -> Response:
    """Read the body and say so."""
    await request.body()
    return JSONResponse({"status": "stored"})


async def healthz(_: Request) -> Response:
    """Alive."""
    return Response()


def main() -> None:
    """Serve on the given port of loopback, with the receiver's own server and settings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    app = Starlette(routes=[Route("/webhooks/{plugin}", receive, methods=["POST"]), Route("/healthz", healthz)])
    settings: dict[str, Any] = {"log_config": None, "access_log": False, "server_header": False, "proxy_headers": False}
    uvicorn.run(app, host="127.0.0.1", port=parser.parse_args().port, ws="none", **settings)


if __name__ == "__main__":
    main()
