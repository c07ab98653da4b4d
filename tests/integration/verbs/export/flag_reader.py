"""Asks flagd's own provider, by a flag file, for ``use-redis`` of each pod name; prints the answers as JSON.

python flag_reader.py FILE POD...
"""

import json
import sys
import threading

from openfeature import api
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEvent

path, *pods = sys.argv[1:]
ready = threading.Event()  # the provider reads its file in a thread of its own
api.add_handler(ProviderEvent.PROVIDER_READY, lambda details: ready.set())
api.set_provider(FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=path))
assert ready.wait(300), "the provider did not read the file"
client = api.get_client()
answers = {
    pod: client.get_boolean_details("use-redis", False, EvaluationContext(attributes={"podName": pod}))
    for pod in pods
}
api.shutdown()
print(json.dumps({pod: [answer.value, str(answer.reason)] for pod, answer in answers.items()}))
