"""Workers on a Ray cluster that do shares of the tasks; how often a share is given out anew is bounded."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monai_lungxfer.utils.errors import ClusterError, LungXferError, root_cause

_MOST_TRIES = 2
"""How often a task that is alone in its share may end a worker before it is given up."""

_MOST_MOVES = 3
"""How often a share, or a worker that starts, may lose its machine before the cluster is given up."""

_SECONDS_UNTIL_LOOK = 30
"""How long nothing may end before a look is taken at the cluster."""

_MOST_QUESTIONS = 60
"""How often, a second apart, Ray is asked what became of a worker that it cannot reach."""

_NODE_DIED = "node has died"  # in Ray's words for an actor whose machine was lost


def spread_tasks(
    ray: Any,
    worker: type,
    arguments: Sequence[Any],
    shares: Sequence[Share],
    give_up: Callable[[Any, str], Any],
    *,
    takes_gpus: bool,
    what: str,
) -> Iterator[Any]:
    """Do tasks on a cluster, and yield the row of each; see `RayWorkers`.

    Parameters
    ----------
    worker, arguments : type, sequence
        Class of the actors, and what they are made with. Each takes a processor, and a GPU where the cluster has some.
    takes_gpus : bool
        Whether it has a use for a GPU.
    what : str
        What the tasks are called in messages.

    Raises
    ------
    ClusterError
        When machines of the cluster were lost too often; it says how many tasks are not done.
    """
    total = left = sum(len(share.tasks) for share in shares)
    try:
        workers, gpus = count_workers(ray.cluster_resources(), takes_gpus=takes_gpus)
        actor = ray.remote(num_cpus=1, num_gpus=gpus, max_restarts=0, max_task_retries=0)(worker)
        for row in RayWorkers(ray, lambda: actor.remote(*arguments), workers, give_up).run(shares):
            left -= 1
            yield row
    except (ClusterError, ray.exceptions.RayError) as error:
        known = error if isinstance(error, ClusterError) else ClusterError("the cluster was lost")
        raise ClusterError(
            f"{known.problem}: {left} of {total} {what} are not done",
            remedy=f"{known.remedy or 'Look after the cluster'}, and continue with --resume",
        ) from error


def count_workers(resources: Mapping[str, float], *, takes_gpus: bool) -> tuple[int, int]:
    """Return for how many workers a cluster has room, and how many GPUs each takes: a compiled engine needs none."""
    processors, gpus = (math.floor(resources.get(unit, 0)) for unit in ("CPU", "GPU"))
    gpus = gpus if takes_gpus else 0
    if not processors:
        raise LungXferError("the Ray cluster has no processor to work on", remedy="Add a machine to it (ray start)")
    return (min(processors, gpus), 1) if gpus else (processors, 0)


@dataclass
class Share:
    """Tasks that a worker gets at once, how often they ended one alone, and how often they lost a machine."""

    tasks: list[Any]
    tries: int = 0
    moves: int = 0


class RayWorkers:
    """Actors that each do one share at a time.

    Parameters
    ----------
    ray : module
        Ray, connected.
    start : callable
        Gives a new actor with the methods ``ready()`` and ``work(tasks)``, which returns a row for each task, or a
        LungXferError that ends the run. Ray itself must neither restart it nor repeat its work.
    most : int
        How many actors there may be.
    give_up : callable
        Returns the row of a task that has ended its workers, given the task and how it did.
    """

    def __init__(self, ray: Any, start: Callable[[], Any], most: int, give_up: Callable[[Any, str], Any]) -> None:
        self._ray = ray
        self._start = start
        self._most = most
        self._give_up = give_up
        self._idle: list[Any] = []
        self._starting: dict[Any, Any] = {}
        self._working: dict[Any, tuple[Any, Share]] = {}
        self._losses = 0

    def run(self, shares: Sequence[Share]) -> Iterator[Any]:
        """Yield the row of each task, in the order in which shares end.

        A share that has ended its worker is repeated task by task, and a task that does so twice alone is given up.
        The error that a worker returns is raised, and ClusterError when machines are lost too often.
        """
        queue = deque(shares)
        try:
            while queue or self._working:
                self._hand_out(queue)
                references = [*self._starting, *self._working]
                ended, _ = self._ray.wait(references, num_returns=1, timeout=_SECONDS_UNTIL_LOOK)
                if not ended:
                    self._look()
                for reference in ended:
                    if reference in self._starting:
                        self._welcome(reference)
                    else:
                        yield from self._collect(reference, queue)
        finally:
            for actor in (*self._idle, *self._starting.values(), *(actor for actor, _ in self._working.values())):
                self._ray.kill(actor)

    def _look(self) -> None:
        if self._ray.cluster_resources().get("CPU", 0) < 1:  # new workers would wait for ever
            raise ClusterError("the cluster has lost all its processors", remedy="Add a machine to it (ray start)")

    def _hand_out(self, queue: deque[Share]) -> None:
        while queue and self._idle:
            actor, share = self._idle.pop(), queue.popleft()
            self._working[actor.work.remote(share.tasks)] = actor, share
        while len(self._starting) < min(len(queue), self._most - len(self._idle) - len(self._working)):
            actor = self._start()
            self._starting[actor.ready.remote()] = actor

    def _welcome(self, reference: Any) -> None:
        actor = self._starting.pop(reference)
        try:
            self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            self._losses += 1
            if getattr(error, "actor_init_failed", False) or self._losses > _MOST_MOVES:
                raise ClusterError(
                    f"a worker cannot be started on the cluster ({type(root_cause(error)).__name__})",
                    remedy="Look whether all its machines have this package, the weights and enough memory",
                ) from error
        else:
            self._idle.append(actor)

    def _collect(self, reference: Any, queue: deque[Share]) -> Iterator[Any]:
        actor, share = self._working.pop(reference)
        try:
            rows = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            is_machine = self._has_lost_machine(actor, error)
            self._ray.kill(actor)
            yield from self._repeat(share, queue, is_machine=is_machine)
            return
        self._idle.append(actor)
        if isinstance(rows, LungXferError):
            raise rows
        yield from rows

    def _has_lost_machine(self, actor: Any, error: Exception) -> bool:
        """Tell whether a worker was lost with its machine, and by no fault of its share.

        Ray first calls it unavailable, and says only after some seconds of missing heartbeats which of the two it was.
        """
        for _ in range(_MOST_QUESTIONS):
            if not isinstance(error, self._ray.exceptions.ActorUnavailableError):
                return _NODE_DIED in str(error)
            time.sleep(1)
            try:
                self._ray.get(actor.ready.remote(), timeout=_SECONDS_UNTIL_LOOK)
            except self._ray.exceptions.RayError as later:
                error = later
            else:
                break
        return True  # or its connection was

    def _repeat(self, share: Share, queue: deque[Share], *, is_machine: bool) -> Iterator[Any]:
        """Give a share out anew, or give up the task in it that is at fault."""
        if is_machine:
            share.moves += 1
            if share.moves > _MOST_MOVES:
                raise ClusterError("the cluster loses its machines again and again", remedy="Look after the cluster")
            queue.appendleft(share)
        elif len(share.tasks) > 1:
            queue.extendleft(Share([task], moves=share.moves) for task in reversed(share.tasks))
        elif share.tries + 1 < _MOST_TRIES:
            queue.appendleft(Share(share.tasks, share.tries + 1, share.moves))
        else:
            yield self._give_up(share.tasks[0], f"{_MOST_TRIES} times, on the cluster")
