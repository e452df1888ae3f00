#!/bin/bash
# A Slurm of two nodes on this machine, for as long as this script runs: to be started as the first process of network,
# process, mount, host name and IPC namespaces of its own, with a folder for everything that it leaves. Says `up` once
# both nodes take jobs, and ends when a daemon does.
set -eu
home=$1
cd "$home"

hostname control
ip link set lo up
# With only loopback addresses, the daemons' look-ups find no IPv4 address.
for address in 10.0.0.1 10.0.0.2 10.0.0.3; do ip address add "$address/32" dev lo; done

umask 022
mkdir -p run state spool-one spool-two
head -c 128 /dev/urandom > munge.key
chmod 400 munge.key
cat > slurm.conf <<CONF
ClusterName=test
SlurmctldHost=control(10.0.0.1)
SlurmUser=root
AuthType=auth/munge
# Tasks that are queued again start as soon as their credentials have expired.
AuthInfo=socket=$home/run/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=$home/state
SlurmdSpoolDir=$home/spool-%n
SlurmctldPidFile=$home/run/slurmctld.pid
SlurmdPidFile=$home/run/slurmd-%n.pid
SlurmctldLogFile=$home/slurmctld.log
SlurmdLogFile=$home/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
# The nodes have as many cores as they are said to have.
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=2,sched_min_interval=0
ReturnToService=2
NodeName=one NodeAddr=10.0.0.2 Port=6818 CPUs=4
NodeName=two NodeAddr=10.0.0.3 Port=6820 CPUs=4
PartitionName=all Nodes=ALL Default=YES
CONF
export SLURM_CONF=$home/slurm.conf

munged --foreground --key-file="$home/munge.key" --socket="$home/run/munge.socket" --pid-file="$home/run/munge.pid" \
    --log-file="$home/munge.log" --seed-file="$home/munge.seed" > munged.out 2>&1 &
until [ -S run/munge.socket ]; do sleep 0.05; done
slurmctld -D > slurmctld.out 2>&1 &
# A slurmd finds its node by the host's name.
for node in one two; do
    unshare --uts bash -c "hostname $node; exec slurmd -D" > "slurmd-$node.out" 2>&1 &
done
until sinfo --noheader --format '%D %t' 2>/dev/null | grep -q '2 idle'; do sleep 0.1; done
echo up
wait -n
