#!/bin/bash
# pleura train, one fold per task of a Slurm array:
#
#     train.sh FOLDS RECIPE --out DIR [more options of `pleura train`]
#
# FOLDS is in the form of `sbatch --array`: `0-4`, or `0,2`, or `0-4%2` for two at a time. Once all are trained, a last
# job writes out-of-fold predictions, curves and the manifest, as one training of all folds would have. If a task is
# lost, run the same command again: every fold continues from its checkpoint.
set -eu

usage() {
    echo "usage: $0 FOLDS RECIPE --out DIR [more options of pleura train]" >&2
    exit 2
}

[[ ${1:-} =~ ^[0-9][0-9,:%-]*$ && $# -ge 2 ]] || usage
folds=$1
shift
for argument; do
    case "$argument" in
        --fold | --fold=*) echo "--fold: each task takes its own; leave it out" >&2 && exit 2 ;;
        # A task that is queued again would start over each time.
        --fresh) echo "--fresh: delete the folder instead, then every task may go on" >&2 && exit 2 ;;
    esac
done

task=$(dirname "$0")/task.sbatch
array=$(sbatch --parsable --array="$folds" "$task" train "$@" --fold auto)
array=${array%%;*} # the cluster's name may follow
echo "folds: $array"
last=$(sbatch --parsable --dependency="afterok:$array" --kill-on-invalid-dep=yes --output="pleura-%j.log" \
    "$task" train "$@")
echo "hand-over: ${last%%;*}"
