"""A server whose log tells everything, for whoever wants to see what must not stand there."""

from __future__ import annotations

import logging
import os
import socket
import sys

from infra import logs
from infra.cli.serving import _Server
from infra.keys import LENGTH, MasterKey, MasterKeys, unlock
from infra.settings import Settings
from server import application

if __name__ == "__main__":
    url, schema, form = sys.argv[1:]
    unlock(MasterKeys([MasterKey(bytes(LENGTH))]))
    logs.begin(form, logging.DEBUG)
    listening = socket.create_server(("127.0.0.1", 0))
    app = application(Settings.from_environment(os.environ), url, None, schema)
    port = listening.getsockname()[1]
    server = _Server(app, "127.0.0.1", lambda: print(port, flush=True))
    for name in ("uvicorn", "uvicorn.error", "websockets"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    server.run_on(listening)
