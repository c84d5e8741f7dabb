"""The account of an exchange is the one that connected, in the machine's own numbers, whatever namespace it sits in."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable

import pytest
from tests.lab.lab import SERVER_4, Lab
from tests.lab.watching import Watch

pytestmark = pytest.mark.kernel

UID, OTHER_UID = 40_421, 40_422


def curl(lab: Lab, host: str) -> list[str]:
    return [
        *("curl", "-sS", "--cacert", str(lab.ca_file), "--connect-to", f"::{SERVER_4}:", "-o", "/dev/null"),
        f"https://{host}/bytes/2000",
    ]


def test_a_user_namespace_does_not_change_who_it_was(lab: Lab, domain: str, shared_watch: Callable[..., Watch]) -> None:
    host = f"api.{domain}"
    probe = subprocess.run(
        ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "unshare", "--user", "true"], check=False
    )
    if probe.returncode:
        pytest.skip("this kernel lets no user make user namespaces")
    watching = shared_watch()
    with lab.serve(host):
        lab.run("unshare", "--user", "--map-root-user", *curl(lab, host), uid=UID)
        observed = watching.until(lambda observed: len(observed) == 1)
    assert observed[0].uid == UID


def test_a_container_like_sandbox_with_its_own_network_is_seen(
    lab: Lab, domain: str, shared_watch: Callable[..., Watch]
) -> None:
    """Every namespace at once, as a container has them; only the network is the lab's."""
    host = f"api.{domain}"
    watching = shared_watch()
    with lab.serve(host):
        account = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"]
        sandbox = ["unshare", "--mount", "--pid", "--fork", "--ipc", "--uts", "--cgroup"]
        lab.run(*sandbox, *account, *curl(lab, host))
        observed = watching.until(lambda observed: len(observed) == 1)
    assert observed[0].uid == UID


def test_a_setuid_program_counts_for_the_person_who_ran_it(
    lab: Lab, domain: str, shared_watch: Callable[..., Watch]
) -> None:
    host = f"api.{domain}"
    program = lab.directory / "setuid-curl"
    shutil.copy("/usr/bin/curl", program)
    os.chown(program, OTHER_UID, OTHER_UID)
    program.chmod(0o4755)
    watching = shared_watch()
    with lab.serve(host):
        lab.run(str(program), *curl(lab, host)[1:], uid=UID)
        observed = watching.until(lambda observed: len(observed) == 1)
    assert observed[0].uid == UID


@pytest.mark.skipif(shutil.which("sudo") is None, reason="sudo is not installed")
def test_sudo_to_another_account_is_that_account(lab: Lab, domain: str, shared_watch: Callable[..., Watch]) -> None:
    host = f"api.{domain}"
    watching = shared_watch()
    with lab.serve(host):
        lab.run("sudo", "-u", "nobody", *curl(lab, host))
        observed = watching.until(lambda observed: len(observed) == 1)
    assert observed[0].uid == 65534


def test_a_connection_handed_to_a_child_stays_with_who_connected(
    lab: Lab, domain: str, shared_watch: Callable[..., Watch]
) -> None:
    host = f"api.{domain}"
    watching = shared_watch()
    with lab.serve(host):
        lab.program("child_sends", SERVER_4, "443", host, str(UID), str(OTHER_UID))
        observed = watching.until(lambda observed: len(observed) == 1)
    assert observed[0].uid == UID
