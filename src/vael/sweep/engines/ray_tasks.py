"""Engine ray: each worker is a task of Ray's, which only places it and tells when it is lost.

    vael sweep ──► Ray ──► task 0 ──► vael sweep-node FOLDER ──► worker ──► trials
                       ──► task 1 ──► ...

Every task pulls trials from the same study. A task whose process or node dies takes its trials
with it; they are taken up by whoever claims them, and the task is started again where there is
room. When vael sweep itself dies, Ray ends its tasks.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from vael.distributed.signals import StopRequest
from vael.errors import VaelError
from vael.sweep.display import Display
from vael.sweep.engines.ray_cluster import Share
from vael.sweep.study.study import Study
from vael.sweep.workers.outcome import read_last_line
from vael.sweep.workers.status import read_worker_states

LOOK_SECONDS = 1.0  # between two looks at the study
POLL_SECONDS = 0.2  # of a task at its process
RESTARTS = 5  # of one worker, while no trial ends
HANDED_ON = ("VAEL_", "WANDB_", "HF_")  # variables that tasks have from here


class RayTasks:
    """A sweep's workers as tasks of Ray, from start to end.

    Args:
        ray: the module, connected.
        study: what they work on.
        share: of each worker.
        display: shows how the sweep stands.
    """

    def __init__(self, ray: Any, study: Study, share: Share, display: Display) -> None:
        self.ray, self.study, self.share, self.display = ray, study, share, display
        self._tasks: dict[Any, int] = {}
        self._restarts: Counter[int] = Counter()
        self._ended = 0

    def run(self, workers: int) -> int:
        """Run so many workers until all is done, or all are gone.

        Returns:
            0 where all is done; 130 or 143 after a signal; else the code of the task that could
            not go on, after its line.
        """
        (self.study.folder / "ray").mkdir(exist_ok=True)
        code: int | None = None
        cancelled = 0
        with StopRequest() as asked:
            try:
                for worker in range(workers):
                    self._start(worker)
                while self._tasks:
                    ended, _ = self.ray.wait(list(self._tasks), timeout=LOOK_SECONDS)
                    for task in ended:
                        found = self._take(task, again=code is None and not asked)
                        code = found if code is None else code
                    wanted = bool(asked or code is not None) + asked.impatient
                    if cancelled < wanted:
                        cancelled += 1
                        self._cancel(force=cancelled > 1)
                    self._show()
            finally:
                self._cancel(force=True)
                self.display.close()
        return asked.code if asked else code or 0

    def _start(self, worker: int) -> None:
        folder = self.study.folder.resolve()
        words = ["sweep-node", str(folder), "--cores", str(self.share.cpus), "--no-report"]
        given = {k: v for k, v in os.environ.items() if k.startswith(HANDED_ON)}
        if not self.share.gpus:
            given["CUDA_VISIBLE_DEVICES"] = ""  # Ray hides no GPU from those who asked for none
        named = {"name": f"{folder.name}-{worker}", **self.share.options()}
        task = self.ray.remote(run_task).options(**named)
        log = str(folder / "ray" / f"{worker}.log")
        self._tasks[task.remote(words, given, os.getcwd(), log)] = worker

    def _take(self, task: Any, again: bool) -> int | None:
        """Take the result of a task: its exit code, or None where it says nothing of the sweep."""
        worker, lost = self._tasks.pop(task), self.ray.exceptions
        try:
            code, said = self.ray.get(task)
        except lost.TaskCancelledError:
            return None
        except lost.RayTaskError as error:
            code, said = 1, str(error).strip().rpartition("\n")[2]
        except lost.RayError as error:
            if not again:
                return None
            kind = type(error).__name__
            if self._restarts[worker] < RESTARTS:
                self._restarts[worker] += 1
                self.display.note(f"worker {worker} was lost ({kind}): started again")
                self._start(worker)
                return None
            code, said = 1, f"was lost ({kind}) {RESTARTS + 1} times while no trial ended"
        if code and again:
            self.display.note(f"worker {worker}: {said or f'ended with exit code {code}'}")
        return int(code)

    def _cancel(self, force: bool) -> None:
        """Ask the tasks to save their trials and end; or end them."""
        for task in self._tasks:
            self.ray.cancel(task, force=force)

    def _show(self) -> None:
        try:
            rows = self.study.rows()
        except VaelError:  # workers say themselves when the storage is away for long
            return
        ended = sum(row.finished for row in rows)
        if ended > self._ended:
            self._ended = ended
            self._restarts.clear()
        self.display.update(read_worker_states(self.study.folder), rows)


def run_task(
    words: list[str], environ: dict[str, str], folder: str, log: str
) -> tuple[int, str | None]:
    """Run a ``vael`` command inside a task, and die with it.

    Args:
        words: of the command.
        environ: variables from the one who has started the sweep.
        folder: to run in.
        log: file to which it prints.

    Returns:
        Its exit code and the last line that it said.
    """
    env = {**os.environ, **environ}
    command = [sys.executable, "-m", "vael.cli", *words, "--parent", str(os.getpid())]
    passed_on = False
    with StopRequest() as asked:  # Ray's own answer to SIGTERM would be to leave at once
        with Path(log).open("ab") as out:
            child = subprocess.Popen(
                command,
                env=env,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        while (code := child.poll()) is None:
            time.sleep(POLL_SECONDS)
            if asked and not passed_on:
                passed_on = True
                child.send_signal(asked.number)
    return code, read_last_line(Path(log))
