"""`toktra agent verify`: shows on any machine that what runs in the kernel is what the source says, and is blind.

It trusts nothing the agent says of itself: it asks the kernel what is attached, loads the committed blob a second time
beside it and compares instruction by instruction, reads the agent's rights from /proc, and runs a conversation of its
own through a capture of its own. Needs root; changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from toktra.agent.capture.linux import inspection
from toktra.agent.capture.linux.errors import CannotCapture
from toktra.agent.capture.linux.inspection import Program
from toktra.agent.capture.linux.layout import EventKind
from toktra.agent.capture.linux.privileges import rights_of
from toktra.agent.capture.linux.program import HOOKS, load, root_cgroup
from toktra.agent.capture.linux.selftest import run_self_test

HANDED_UP: Final = {
    EventKind.HELLO: "a TLS ClientHello, whole and nothing after it, when a connection begins",
    EventKind.INITIAL: "up to eight QUIC Initial packets of a client, which hold its ClientHello",
    EventKind.EXCHANGE: "byte and segment totals, times and the account's number, when an exchange ends",
    EventKind.CLOSED: "the same, when a connection closes",
    EventKind.SOCKET_GONE: "the number of a UDP socket that closed",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: what, whether it holds, and what was found."""

    what: str
    holds: bool
    found: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything `verify` looked at."""

    checks: tuple[Check, ...]

    @property
    def holds(self) -> bool:
        """Whether every check does."""
        return all(check.holds for check in self.checks)

    def text(self) -> str:
        """For a person, one line a check."""
        return "\n".join(f"{'ok  ' if one.holds else 'FAIL'}  {one.what}: {one.found}" for one in self.checks)


def main_verify(agent_pid: int | None = None) -> Report:
    """Looks at this machine; with `agent_pid`, at what that process keeps attached and at its rights.

    Raises CannotCapture or PermissionError without root.
    """
    cgroup = root_cgroup()
    reference = {program.name: program for program in _reference()}
    held = None if agent_pid is None else inspection.held_by(agent_pid)
    checks = [_check_hook(cgroup, hook, reference, held) for hook in HOOKS]
    if agent_pid is not None:
        checks.append(_check_rights(agent_pid))
    checks += [Check(f"event {kind.name.lower()} holds", True, text) for kind, text in HANDED_UP.items()]
    checks.append(_check_self_test())
    return Report(tuple(checks))


def _reference() -> list[Program]:
    """The programs of the committed blob as this kernel loads them; they are attached to nothing and gone at once."""
    loaded = load()
    try:
        return [inspection.by_fd(fd) for fd in loaded.programs.values()]
    finally:
        loaded.close()


def _check_hook(cgroup: Path, hook: str, reference: dict[str, Program], held: frozenset[int] | None = None) -> Check:
    what = f"program at {hook} of {cgroup}"
    names = (f"toktra_{hook}"[:15], f"rest_{hook}"[:15])
    ours = [program for program in inspection.attached(cgroup, HOOKS[hook]) if program.name in names]
    if held is not None:
        ours = [program for program in ours if program.id in held]
    if not ours:
        return Check(what, False, "none of ours: the agent is not watching")
    strangers = [program for program in ours if not _same(program, reference[program.name])]
    if strangers:
        return Check(what, False, f"{_list(strangers)}: not the instructions of this version's source")
    sizes = {len(program.instructions) // 8 for program in ours}
    found = f"{_list(ours)}, all {'/'.join(map(str, sorted(sizes)))} instructions equal to the source's"
    return Check(what, True, found)


def _same(program: Program, reference: Program) -> bool:
    return bool(reference.instructions) and (program.tag, program.instructions) == (
        reference.tag,
        reference.instructions,
    )


def _list(programs: list[Program]) -> str:
    return ", ".join(f"{program.name} (id {program.id}, tag {program.tag})" for program in programs)


def _check_rights(pid: int) -> Check:
    what = f"rights of the agent, process {pid}"
    try:
        rights = rights_of(pid)
    except OSError:
        return Check(what, False, "there is no such process")
    if rights.none_left:
        return Check(what, True, "no capability in any set, and no way to one (no_new_privs)")
    held = sorted(rights.effective | rights.permitted | rights.inheritable | rights.ambient)
    return Check(what, False, f"capabilities {held}, no_new_privs {rights.no_new_privileges}")


def _check_self_test() -> Check:
    what = "a conversation of our own"
    try:
        return Check(what, True, run_self_test())
    except (AssertionError, CannotCapture, OSError) as error:
        return Check(what, False, str(error))
