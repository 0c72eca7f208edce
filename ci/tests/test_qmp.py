# SPDX-License-Identifier: MIT
"""QEMU's machine protocol with a QEMU that takes its time."""
import json
import socket
import threading

import pytest

from ci.lib.qmp import Qmp, QmpError


def answer(connection, answered, let_go):
    """Greets and answers when it may, all requests in one go: what QEMU does that was busy for long."""
    requests = connection.makefile("r")
    let_go.wait()
    connection.sendall(b'{"QMP": {}}\n')
    for line in requests:
        request = json.loads(line)
        answered.append(request["execute"])
        reply = {"return": request["execute"]} | ({"id": request["id"]} if "id" in request else {})
        connection.sendall(json.dumps(reply).encode() + b"\n")


def test_late_answer_is_not_taken_for_the_next():
    ours, theirs = socket.socketpair()
    answered, let_go = [], threading.Event()
    threading.Thread(target=answer, args=(theirs, answered, let_go), daemon=True).start()
    qmp = Qmp(ours, timeout=0.1)
    with pytest.raises(QmpError, match="did not answer"):
        qmp.command("query-status")
    let_go.set()
    qmp.timeout = 20
    assert qmp.command("stop") == "stop"
    assert qmp.command("query-cpus-fast") == "query-cpus-fast"
    assert answered.count("qmp_capabilities") == 1 and answered[0] == "qmp_capabilities"
    theirs.shutdown(socket.SHUT_RDWR)
