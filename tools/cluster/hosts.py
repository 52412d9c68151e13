#!/usr/bin/env python3
"""Several hosts of one machine: namespaces with a network, a name and a list of hosts of their own, on one switch, so that programs on them talk over real TCP.

    tools/cluster/hosts.py up FOLDER --hosts 3      # node1, node2, node3
    tools/cluster/hosts.py on FOLDER node1 COMMAND  # runs a command on a host; `mpirun` there reaches the others, two processes on each
    tools/cluster/hosts.py cut FOLDER node2         # pulls its cable
    tools/cluster/hosts.py mend FOLDER node2        # plugs it in again
    tools/cluster/hosts.py kill FOLDER node2        # kills all that runs on it, at once
    tools/cluster/hosts.py down FOLDER              # ends everything on all hosts, and removes the folder

It needs root and the packages iproute2 and util-linux. Files are those of the machine, as if every folder were shared. Nothing is set up outside of the
namespaces, which go with their last process: no address, bridge or name is left on the machine.
"""

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

NEEDED = {"ip": "iproute2", "nsenter": "util-linux", "unshare": "util-linux"}
NETWORK = "10.97.0"
SLOTS = 2
SECONDS = 30
SWITCH = "switch"

# What ssh is elsewhere: Open MPI starts its daemons by it.
LAUNCHER = """\
#!/bin/sh
host=$1
shift
exec nsenter --target "$(cat {folder}/"$host".pid)" --net --uts --ipc --mount --wd=. -- sh -c "$*"
"""

# Real TCP between hosts and within them, on their one network, and files of the session where they go with the folder. All ranks share the
# processors of this machine.
OPEN_MPI = {
    "plm_rsh_agent": "{folder}/launch",
    "orte_default_hostfile": "{folder}/hostfile",
    "orte_tmpdir_base": "{folder}",
    "pml": "ob1",
    "btl": "tcp,self",
    "btl_tcp_if_include": "eth0",
    "oob_tcp_if_include": "eth0",
    "hwloc_base_binding_policy": "none",
    "mpi_yield_when_idle": "1",
}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = arguments.add_subparsers(dest="command", required=True)
    for name in ("up", "down", "on", "cut", "mend", "kill"):
        command = commands.add_parser(name)
        command.add_argument("folder", type=Path, help="what there is of the hosts: processes, names, sessions of Open MPI")
        if name == "up":
            command.add_argument("--hosts", type=int, default=2, help="how many, up to 200")
        elif name != "down":
            command.add_argument("host", help="node1 and so on")
        if name == "on":
            command.add_argument("words", nargs=argparse.REMAINDER, help="the command")
    asked = arguments.parse_args()
    problem = missing()
    if problem:
        sys.exit(f"hosts: {problem}")
    if asked.command == "up":
        if not 1 <= asked.hosts <= 200:
            sys.exit(f"hosts: --hosts: expected 1 to 200, got {asked.hosts}")
        hosts = Hosts.up(asked.folder, asked.hosts)
        print(f"hosts: {', '.join(hosts.names)} are up; try: {sys.argv[0]} on {asked.folder} {hosts.names[0]} mpirun hostname")
        return
    hosts = Hosts(asked.folder)
    if asked.command == "down":
        hosts.down()
    elif asked.command == "on":
        if not asked.words:
            sys.exit("hosts: on: expected a command, got none")
        command, environment = hosts.on(asked.host, *asked.words)
        os.execvpe(command[0], command, environment)
    else:
        getattr(hosts, asked.command)(asked.host)


def missing():
    """What hosts need and is not here, as a sentence, or nothing."""
    absent = [name for name in NEEDED if shutil.which(name, path=search_path()) is None]
    if absent:
        return f"{', '.join(absent)} not found; on Debian: apt-get install {' '.join(sorted({NEEDED[name] for name in absent}))}"
    trial = "ip link add onedge0 type bridge && ip link add onedge1 type veth peer name onedge2"
    done = subprocess.run(["unshare", "--net", "--uts", "--ipc", "--mount", "sh", "-c", trial], env=environment(), capture_output=True, text=True)
    if done.returncode != 0:
        return f"no namespaces may be made here ({(done.stderr.strip().splitlines() or ['unshare failed'])[-1]})"
    return None


class Hosts:
    """Hosts that are up: their files are in a folder."""

    def __init__(self, folder):
        self.folder = folder.absolute()
        if not (self.folder / f"{SWITCH}.pid").is_file():
            sys.exit(f"hosts: {folder} has no {SWITCH}.pid; give the folder of hosts that `up` has made")
        self.names = [line.split()[0] for line in (self.folder / "hostfile").read_text().splitlines()]

    @classmethod
    def up(cls, folder, count):
        """Makes so many hosts and the switch between them."""
        folder = folder.absolute()
        if folder.exists() and any(folder.iterdir()):
            sys.exit(f"hosts: {folder} is not empty; take down the hosts in it, or choose another folder")
        folder.mkdir(parents=True, exist_ok=True)
        names = [f"node{number}" for number in range(1, count + 1)]
        (folder / "hostfile").write_text("".join(f"{name} slots={SLOTS}\n" for name in names))
        (folder / "hosts").write_text("127.0.0.1 localhost\n" + "".join(f"{address(name)} {name}\n" for name in names))
        launcher = folder / "launch"
        launcher.write_text(LAUNCHER.format(folder=shlex.quote(str(folder))))
        launcher.chmod(0o755)
        try:
            begin(folder, SWITCH, "")
            inside(folder, SWITCH, "ip link add bridge type bridge && ip link set bridge up")
            for name in names:
                begin(folder, name, f"mount --bind {shlex.quote(str(folder / 'hosts'))} /etc/hosts")
                inside(folder, SWITCH, f"ip link add {name} type veth peer name eth0 netns {process(folder, name)}")
                inside(folder, SWITCH, f"ip link set {name} master bridge up")
                inside(folder, name, f"ip link set lo up && ip address add {address(name)}/24 dev eth0 && ip link set eth0 up")
        except BaseException:
            for name in [*names, SWITCH]:
                end(folder, name)
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return cls(folder)

    def on(self, host, *words):
        """The command that runs words on a host, by exec, and its environment."""
        settings = {f"OMPI_MCA_{name}": value.format(folder=self.folder) for name, value in OPEN_MPI.items()}
        settings |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
        namespaces = ["--net", "--uts", "--ipc", "--mount"]
        command = ["nsenter", "--target", str(process(self.folder, self.known(host))), *namespaces, "--wd=.", "--"]
        return [*command, *map(str, words)], environment() | settings

    def cut(self, host):
        inside(self.folder, SWITCH, f"ip link set {self.known(host)} down")

    def mend(self, host):
        inside(self.folder, SWITCH, f"ip link set {self.known(host)} up")

    def kill(self, host):
        """Kills all processes on a host, and with them the host itself."""
        end(self.folder, self.known(host))

    def down(self):
        for name in [*self.names, SWITCH]:
            end(self.folder, name)
        shutil.rmtree(self.folder)

    def processes(self, host):
        """What runs on a host, but for the process that keeps it."""
        path = self.folder / f"{self.known(host)}.pid"
        return [one for one in those_in(self.folder, host) if one != int(path.read_text())]

    def known(self, host):
        if host not in self.names:
            sys.exit(f"hosts: {host}: expected one of {', '.join(self.names)}")
        return host


def address(name):
    return f"{NETWORK}.{name.removeprefix('node')}"


def begin(folder, name, first):
    """Starts the process that keeps a host, and waits until it has its namespaces."""
    ready = folder / f"{name}.ready"
    script = f"hostname {name} && {first or 'true'} && echo ready > {shlex.quote(str(ready))} && exec sleep infinity"
    command = ["unshare", "--net", "--uts", "--ipc", "--mount", "sh", "-c", script]
    log = (folder / f"{name}.log").open("wb")
    keeper = subprocess.Popen(command, env=environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    (folder / f"{name}.pid").write_text(str(keeper.pid))
    deadline = time.monotonic() + SECONDS
    while not ready.is_file():
        if keeper.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"hosts: {name} does not start: {(folder / f'{name}.log').read_text().strip()}")
        time.sleep(0.01)
    (folder / f"{name}.namespaces").write_text(namespaces_of(keeper.pid))


def end(folder, name):
    """Kills all that is in the namespace of a host, again until nothing is left of it."""
    deadline = time.monotonic() + SECONDS
    while found := those_in(folder, name):
        for one in found:
            try:
                os.kill(one, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if time.monotonic() > deadline:
            sys.exit(f"hosts: {name}: processes {found} do not end")
        time.sleep(0.005)


def those_in(folder, name):
    """The processes in the namespaces of a host."""
    path = folder / f"{name}.namespaces"
    if not path.is_file():
        return []
    known = path.read_text()
    found = [int(process.name) for process in Path("/proc").glob("[0-9]*") if namespaces_of(process.name) == known]
    if not found:
        # The next namespaces may have the same numbers.
        path.unlink(missing_ok=True)
    return found


def namespaces_of(process):
    """Network and name of a process, and when the machine was started."""
    try:
        links = [os.readlink(f"/proc/{process}/ns/{kind}") for kind in ("net", "uts")]
    except OSError:  # it has ended
        return ""
    return " ".join([*links, Path("/proc/sys/kernel/random/boot_id").read_text()])


def process(folder, name):
    """The process that keeps a host."""
    kept = int((folder / f"{name}.pid").read_text())
    if kept not in those_in(folder, name):
        sys.exit(f"hosts: {name} is not up")
    return kept


def inside(folder, name, script):
    """Runs a script in the network of a host."""
    command = ["nsenter", "--target", str(process(folder, name)), "--net", "sh", "-c", script]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=SECONDS)
    if done.returncode != 0:
        sys.exit(f"hosts: {name}: {script}: {done.stderr.strip()}")


def environment():
    return os.environ | {"PATH": search_path()}


def search_path():
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


if __name__ == "__main__":
    main()
