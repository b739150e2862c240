"""Starter: what starts the processes of a sweep, and a handle on each of them."""

from typing import Protocol

from vael.sweep.workers.command import Command


class Handle(Protocol):
    """A process that leads a session of its own, and dies with the one that started it."""

    def wait(self, seconds: float) -> int | None:
        """Wait for its exit code, minus the signal where it was killed; None while it lives.

        Once there is a code, nothing of its session is left, nor of what it has started.
        """

    def signal(self, number: int) -> None:
        """Send a signal to it alone, if it lives."""

    def kill(self) -> None:
        """Kill it with all that it has started, and wait until it is gone."""


class Starter(Protocol):
    """Way to start commands of ``vael``."""

    def start(self, command: Command) -> Handle:
        """Start a command in a process of its own."""

    def close(self) -> None:
        """End what the starter needs, and whatever of its processes lives."""
