#!/usr/bin/env python3
"""A Slurm cluster of one machine: munged, slurmctld and slurmd in a folder of their own, without systemd, cgroups or accounting.

    tools/cluster/slurm.py up FOLDER      # then: export SLURM_CONF=FOLDER/slurm.conf; sbatch, squeue, scancel as anywhere
    tools/cluster/slurm.py down FOLDER    # ends every job and the three daemons, and removes the folder

It needs root and Debian's packages slurm-wlm and munge. Jobs run as the user who submits them. The node has the machine's processors, and eight
at least, so that jobs of several tasks fit a small machine. Ports are free ones, and a cluster that the machine may have is left alone.
"""

import argparse
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

NEEDED = ["munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "squeue", "sinfo", "scancel"]
DAEMONS = ["slurmd", "slurmctld", "munged"]
SECONDS = 60

# A requeued job waits for `cred_expire` seconds before it may start again, 120 if nothing is said.
CONFIG = """\
ClusterName=onedge
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={control}
SlurmdPort={node}
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
KillWait=5
MinJobAge=600
SchedulerParameters=sched_interval=5
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs={processors} State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("command", choices=["up", "down"])
    arguments.add_argument("folder", type=Path, help="of the cluster: configuration, state, logs")
    asked = arguments.parse_args()
    if asked.command == "down":
        down(asked.folder)
        return
    problem = missing()
    if problem:
        sys.exit(f"slurm: {problem}")
    print(f"export SLURM_CONF={up(asked.folder)}")


def missing():
    """What a cluster needs and is not here, as a sentence, or nothing."""
    if not hasattr(os, "getuid") or os.getuid() != 0:
        return "only root can start Slurm's daemons"
    absent = [name for name in NEEDED if shutil.which(name, path=search_path()) is None]
    return f"{', '.join(absent)} not found; on Debian: apt-get install slurm-wlm munge" if absent else None


def up(folder):
    """Starts the daemons and waits until the node takes jobs; gives the path of the configuration."""
    folder = folder.absolute()
    if folder.exists() and any(folder.iterdir()):
        sys.exit(f"slurm: {folder} is not empty; take down the cluster in it, or choose another folder")
    for part in (folder, folder / "state", folder / "spool"):
        part.mkdir(parents=True, exist_ok=True)
        part.chmod(0o755)  # as munged and jobs of other users want it
    config = folder / "slurm.conf"
    control, node = free_ports()
    host, processors = socket.gethostname().split(".")[0], max(8, os.cpu_count() or 1)
    config.write_text(CONFIG.format(folder=folder, host=host, control=control, node=node, processors=processors))
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(128))
    try:
        start("munged", *(f"--{part}={folder}/munge.{end}" for part, end in MUNGE.items()))
        (folder / "munged.pid").symlink_to("munge.pid")
        start("slurmctld", "-f", str(config))
        start("slurmd", "-f", str(config), "-N", host)
        until(lambda: state_of_node(config) == "idle", f"the node does not take jobs; see {folder}/*.log")
    except BaseException:
        for name in DAEMONS:
            end(folder, name)
        raise
    return config


MUNGE = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}


def down(folder):
    """Ends all jobs and the daemons, and removes the folder."""
    folder = folder.absolute()
    config = folder / "slurm.conf"
    if not config.is_file():
        sys.exit(f"slurm: {folder} has no slurm.conf; give the folder of a cluster that `up` has made")
    if alive(folder, "slurmctld"):
        settings = {**os.environ, "SLURM_CONF": str(config)}
        jobs = lambda: subprocess.run(["squeue", "-h", "-o", "%A"], env=settings, capture_output=True, text=True, timeout=SECONDS).stdout.split()
        if jobs():
            subprocess.run(["scancel", *jobs()], env=settings, capture_output=True, timeout=SECONDS)
            until(lambda: not jobs(), "jobs do not end")
    for name in DAEMONS:
        end(folder, name)
    shutil.rmtree(folder)


def start(name, *words):
    done = subprocess.run([shutil.which(name, path=search_path()), *words], capture_output=True, text=True, timeout=SECONDS)
    if done.returncode != 0:
        sys.exit(f"slurm: {name} does not start: {(done.stderr or done.stdout).strip()}")


def end(folder, name):
    process = alive(folder, name)
    if process is None:
        return
    os.kill(process, signal.SIGTERM)
    deadline = time.monotonic() + SECONDS / 2
    while alive(folder, name) and time.monotonic() < deadline:
        time.sleep(0.05)
    if alive(folder, name):
        os.kill(process, signal.SIGKILL)


def alive(folder, name):
    """The process of a daemon that runs from this folder, or none."""
    try:
        process = int((folder / f"{name}.pid").read_text())
        status = Path(f"/proc/{process}/stat").read_text()
    except (OSError, ValueError):
        return None
    runs = f"({name[:15]})" in status and status.rsplit(")", 1)[1].split()[0] != "Z"
    return process if runs else None


def state_of_node(config):
    settings = {**os.environ, "SLURM_CONF": str(config)}
    return subprocess.run(["sinfo", "-h", "-o", "%T"], env=settings, capture_output=True, text=True, timeout=SECONDS).stdout.strip()


def until(holds, otherwise):
    deadline = time.monotonic() + SECONDS
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"slurm: {otherwise}")
        time.sleep(0.1)


def free_ports():
    with socket.socket() as first, socket.socket() as second:
        for one in (first, second):
            one.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


def search_path():
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


if __name__ == "__main__":
    main()
