"""What the SSH adapter promises, against a real SSH server."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest
from sshd import Sshd

from stackmend.adapters.ssh import Completed, Ssh
from stackmend.domain.node import Node
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Failed, Refused, StackmendError

A = NodeName("a")
B = NodeName("b")


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    server = Sshd(tmp_path)
    yield server
    server.stop()


def reaching(*nodes: Node) -> Ssh:
    return Ssh({node.name: node for node in nodes})


@pytest.fixture
def ssh(sshd: Sshd) -> Iterator[Ssh]:
    client = reaching(sshd.node("a"), sshd.node("b"))
    yield client
    client.close()


def failure(ssh: Ssh, script: str = "true", *, node: str = "a", timeout: float = 10) -> StackmendError:
    with pytest.raises(StackmendError) as caught:
        ssh.run(NodeName(node), script, timeout=timeout)
    return caught.value


def test_a_script_runs_in_sh_in_the_c_locale(ssh: Ssh) -> None:
    done = ssh.run(A, "for n in 1 2; do echo $n; done\necho $LC_ALL >&2")
    assert done == Completed(A, 0, "1\n2\n", "C\n")


def test_input_reaches_the_script_and_nothing_else_does(ssh: Ssh) -> None:
    assert ssh.run(A, "cat", stdin="it's\n$HOME\n").stdout == "it's\n$HOME\n"
    assert ssh.run(A, "cat").stdout == ""


def test_a_long_script_fits(ssh: Ssh) -> None:
    assert ssh.run(A, "# " + "x" * 300_000 + "\necho here").stdout == "here\n"


def test_a_status_is_an_error_only_with_check(ssh: Ssh) -> None:
    assert ssh.run(A, "exit 3", check=False).status == 3
    error = failure(ssh, "\n  echo no such thing >&2\n  exit 3")
    assert error.code is Code.COMMAND_FAILED
    assert error.evidence == {
        "host": "a",
        "command": "echo no such thing >&2",
        "status": "3",
        "stderr": "no such thing",
    }


def test_what_takes_too_long_is_ended_on_the_node(ssh: Ssh, tmp_path: Path) -> None:
    error = failure(ssh, f"sleep 3; touch {tmp_path}/late", timeout=1)
    assert error.code is Code.COMMAND_TIMEOUT
    time.sleep(3)
    assert not (tmp_path / "late").exists()


def test_one_connection_is_kept(ssh: Ssh, sshd: Sshd) -> None:
    for _ in range(3):
        ssh.run(A, "true")
    assert sshd.logins == 1


def test_a_dead_connection_is_opened_anew(ssh: Ssh, sshd: Sshd) -> None:
    ssh.run(A, "true")
    sshd.break_connections()
    assert ssh.run(A, "echo again").stdout == "again\n"
    ssh.reset(A)
    assert ssh.run(A, "echo again").stdout == "again\n"
    assert sshd.logins == 3


def test_a_command_that_was_started_is_never_run_again(ssh: Ssh, sshd: Sshd, tmp_path: Path) -> None:
    cut = threading.Timer(1.0, sshd.break_connections)
    cut.start()
    error = failure(ssh, f"echo once >>{tmp_path}/ran; sleep 3")
    cut.join()
    assert error.code is Code.COMMAND_LOST
    assert (tmp_path / "ran").read_text() == "once\n"


def test_many_nodes_answer_side_by_side_each_for_itself(sshd: Sshd, tmp_path: Path) -> None:
    nodes = [sshd.node(f"n{i}") for i in range(5)]
    ssh = reaching(*nodes, sshd.node("off", port=1))
    here = tmp_path / "here"
    here.mkdir()
    together = f"""
    touch {here}/$$; tries=0
    while [ $(ls {here} | wc -l) -lt 5 ]; do tries=$((tries + 1)); [ $tries -lt 200 ] || exit 1; sleep 0.1; done
    """
    answers = ssh.run_many({NodeName(n): together for n in ("n0", "n1", "n2", "n3", "n4", "off", "strange")})
    assert [isinstance(a, Completed) for a in answers.values()] == [True] * 5 + [False] * 2
    off, strange = answers[NodeName("off")], answers[NodeName("strange")]
    assert isinstance(off, Failed)
    assert off.code is Code.SSH_UNREACHABLE
    assert isinstance(strange, Refused)
    assert strange.code is Code.NODE_UNKNOWN
    ssh.close()


def test_threads_share_it(ssh: Ssh, sshd: Sshd) -> None:
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(ssh.run(A, "echo x").stdout)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["x\n"] * 20
    assert sshd.logins == 1


def test_a_jump_host_is_gone_through(sshd: Sshd) -> None:
    ssh = reaching(sshd.node("inner", jump=f"root@127.0.0.1:{sshd.port}"))
    assert ssh.run(NodeName("inner"), "echo through").stdout == "through\n"
    assert sshd.logins == 2
    ssh.close()


def test_a_port_is_forwarded(ssh: Ssh, sshd: Sshd) -> None:
    with ssh.forward(A, "127.0.0.1", sshd.port) as port, socket.create_connection(("127.0.0.1", port), 5) as there:
        assert there.recv(8) == b"SSH-2.0-"


def test_an_unknown_host_key_is_refused(ssh: Ssh, sshd: Sshd) -> None:
    sshd.trust(None)
    error = failure(ssh)
    assert error.code is Code.SSH_HOST_KEY
    assert "is not known" in error.sentence
    assert f"ssh-keyscan -p {sshd.port} 127.0.0.1" in error.hint


def test_a_changed_host_key_is_refused(ssh: Ssh, sshd: Sshd) -> None:
    sshd.trust(asyncssh.generate_private_key("ssh-ed25519"))
    error = failure(ssh)
    assert error.code is Code.SSH_HOST_KEY
    assert "ssh-keygen" in error.hint


def test_a_missing_known_hosts_file_is_no_licence(sshd: Sshd, tmp_path: Path) -> None:
    ssh = reaching(sshd.node("a", known_hosts=str(tmp_path / "nowhere")))
    assert failure(ssh).code is Code.SSH_HOST_KEY
    ssh.close()


def test_a_key_that_may_not_log_in(sshd: Sshd, tmp_path: Path) -> None:
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / "other")
    ssh = reaching(sshd.node("a", key=str(tmp_path / "other")), sshd.node("b", key=str(tmp_path / "none")))
    assert failure(ssh).code is Code.SSH_AUTH
    assert failure(ssh, node="b").code is Code.SSH_AUTH
    ssh.close()


def test_what_does_not_answer_is_unreachable(sshd: Sshd) -> None:
    ssh = reaching(sshd.node("a", port=1))
    error = failure(ssh)
    assert error.code is Code.SSH_UNREACHABLE
    assert "Connection refused" in error.sentence
    ssh.close()


def test_closing_twice_is_fine(sshd: Sshd) -> None:
    ssh = reaching(sshd.node("a"))
    ssh.close()
    ssh.run(A, "true")
    ssh.close()
    ssh.close()


def test_a_stream_brings_every_byte_as_it_is(ssh: Ssh) -> None:
    with ssh.stream(A, "printf '\\000\\377\\n'; head -c 3000000 /dev/zero; echo end") as read:
        whole = b"".join(iter(lambda: read(100_000), b""))
    assert whole == b"\0\xff\n" + bytes(3_000_000) + b"end\n"


def test_a_stream_from_a_node_that_is_not_there(sshd: Sshd) -> None:
    client = reaching(sshd.node("a", port=1))
    with pytest.raises(Failed) as caught, client.stream(A, "true"):
        pass
    client.close()
    assert caught.value.code is Code.SSH_UNREACHABLE


def test_a_command_is_fed_every_byte_and_waited_for(ssh: Ssh, tmp_path: Path) -> None:
    sent = b"\0\xff\n" + bytes(3_000_000)
    with ssh.feed(A, f"cat >{tmp_path}/got; touch {tmp_path}/ended") as write:
        write(sent[:10])
        write(sent[10:])
    assert (tmp_path / "got").read_bytes() == sent
    assert (tmp_path / "ended").exists()


def test_a_fed_command_that_fails_is_an_error(ssh: Ssh) -> None:
    with pytest.raises(Failed, match="no room") as caught, ssh.feed(A, "cat >/dev/null; echo no room >&2; exit 3"):
        pass
    assert caught.value.code is Code.COMMAND_FAILED


def test_a_fed_command_that_ends_early_takes_no_more(ssh: Ssh) -> None:
    def send_much() -> None:
        with ssh.feed(A, "echo full >&2; exit 1") as write:
            for _ in range(100):
                write(bytes(1 << 20))

    with pytest.raises(Failed) as caught:
        send_much()
    assert caught.value.code in {Code.COMMAND_LOST, Code.COMMAND_FAILED}


def test_a_fed_command_sees_the_end_of_its_input_where_the_sender_fails(ssh: Ssh, tmp_path: Path) -> None:
    def fail() -> None:
        with ssh.feed(A, f"cat >{tmp_path}/part; touch {tmp_path}/ended") as write:
            write(b"part")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (tmp_path / "part").read_bytes() == b"part"
    assert (tmp_path / "ended").exists()
    assert ssh.run(A, "true").status == 0
