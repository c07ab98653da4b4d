"""redis-py, or a library with its interface (the first argument names the module), with its defaults."""

import importlib
import os
import sys

from program import run

library = importlib.import_module(sys.argv[1])
client = getattr(library, sys.argv[2])(port=int(os.environ["REDIS_PORT"]))
run(lambda: client.get("warm"), lambda: client.getdel(os.environ["KEY"]))
