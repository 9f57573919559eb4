#!/usr/bin/env bash
# Ray 2.60.0 reports an actor whose process was killed as dead (ActorDiedError), but one whose machine was lost at first as
# "temporarily unavailable" (ActorUnavailableError). Only after some ten seconds of missing heartbeats does a further call
# say that its node has died. Who retries, or blames the work for the loss, has to ask again before he knows.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet ray==2.60.0
cd "$folder"
env/bin/python - << 'PYTHON'
import os
import signal
import time

import ray
from ray.cluster_utils import Cluster


class Worker:
    def ready(self):
        pass

    def end(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def wait(self):
        time.sleep(600)


def ask(reference):
    try:
        ray.get(reference, timeout=60)
    except ray.exceptions.RayError as error:
        return error


cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
machine = cluster.add_node(num_cpus=1)
ray.init(address=cluster.address, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
actor = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(Worker)
worker = actor.remote()
ray.get(worker.ready.remote())
killed = type(ask(worker.end.remote())).__name__

worker = actor.remote()
ray.get(worker.ready.remote())
work = worker.wait.remote()
time.sleep(2)
cluster.remove_node(machine, allow_graceful=False)
began = time.monotonic()
said = first = ask(work)
while isinstance(said, ray.exceptions.ActorUnavailableError) and time.monotonic() - began < 120:
    time.sleep(1)
    said = ask(worker.ready.remote())
seconds = time.monotonic() - began
last = "its node has died" if "its node has died" in str(said) else "something else"
print(f"Ray {ray.__version__}: process killed: {killed}; machine lost: at first {type(first).__name__},")
print(f"after {seconds:.0f} s {type(said).__name__}, which says: {last}")
as_described = (killed, type(first).__name__, type(said).__name__, last) == (
    "ActorDiedError",
    "ActorUnavailableError",
    "ActorDiedError",
    "its node has died",
)
raise SystemExit(0 if as_described else "this has changed")
PYTHON
