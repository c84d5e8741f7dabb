"""An agent in little: opens a capture, gives up every right, enters the sandbox, and obeys its standard input.

Arguments: uid to become, provider host. Answers each line with one line of JSON.
"""

import json
import select
import sys

import msgspec

from toktra.agent.capture.linux import Account, CannotCapture, LinuxCapture, drop_privileges
from toktra.agent.capture.linux.privileges import rights_of
from toktra.agent.capture.linux.sandbox import SYSTEM_FILES, enter_sandbox


def main(uid: str, host: str) -> None:
    try:
        capture = LinuxCapture.open([443], lambda name: name if name == host else None)
    except CannotCapture as error:
        print(json.dumps({"error": type(error).__name__, "sentence": str(error)}), flush=True)
        return
    drop_privileges(Account(int(uid), int(uid)))
    sandbox = enter_sandbox(readable=SYSTEM_FILES, writable=[])
    print(json.dumps({"ready": True, "sandbox": msgspec.to_builtins(sandbox)}), flush=True)
    observed = []
    planted = []
    for line in sys.stdin:
        match line.split():
            case ["poll", seconds]:
                observed += capture.poll(float(seconds))
                answer: object = [
                    {"uid": one.uid, "host": one.provider_host, **msgspec.to_builtins(one.exchange)} for one in observed
                ]
            case ["watch"]:  # until the next line comes; as the agent's service does
                while not select.select([sys.stdin], [], [], 0)[0]:
                    observed += capture.poll(1)
                answer = None
            case ["pause"]:
                observed += capture.pause()
                answer = len(observed)
            case ["resume"]:
                capture.resume()
                answer = None
            case ["status"]:
                answer = msgspec.to_builtins(capture.status())
            case ["plant", secret]:
                planted.append(secret)
                answer = None
            case ["rights"]:
                answer = msgspec.to_builtins(rights_of())
            case _:
                answer = None
        print(json.dumps(answer), flush=True)
    capture.close()


main(*sys.argv[1:])
