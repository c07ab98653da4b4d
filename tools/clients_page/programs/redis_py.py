"""redis-py, or a library with its interface (the first argument names the module), with its defaults.

The second argument is the class; a third, "url": made by ``from_url``, else by host and port.
"""

import importlib
import os
import sys

from program import run

library = importlib.import_module(sys.argv[1])
made = getattr(library, sys.argv[2])
port = int(os.environ["REDIS_PORT"])
client = made.from_url(f"redis://127.0.0.1:{port}") if sys.argv[3:] == ["url"] else made(port=port)
run(lambda: client.get("warm"), lambda: client.getdel(os.environ["KEY"]))
