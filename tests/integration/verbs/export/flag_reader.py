"""Asks flagd's own provider, by a flag file, for ``use-redis`` of each pod name; prints the answers as JSON.

python flag_reader.py FILE POD...
"""

import json
import sys

from openfeature import api
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.evaluation_context import EvaluationContext

path, *pods = sys.argv[1:]
api.set_provider_and_wait(FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=path))
client = api.get_client()
answers = {
    pod: client.get_boolean_details("use-redis", False, EvaluationContext(attributes={"podName": pod}))
    for pod in pods
}
api.shutdown()
print(json.dumps({pod: [answer.value, str(answer.reason)] for pod, answer in answers.items()}))
