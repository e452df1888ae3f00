#!/bin/bash
# pleura predict, in N tasks of a Slurm array:
#
#     predict.sh N ENSEMBLE INPUT... --out submission.csv [more options of `pleura predict`]
#
# Each task predicts a shard; once all are done, the shards are merged to the CSV that one run would have written. If a
# task is lost, run the same command again: finished shards are kept, unfinished ones continue.
set -eu

usage() {
    echo "usage: $0 N ENSEMBLE INPUT... --out CSV [more options of pleura predict]" >&2
    exit 2
}

[[ ${1:-} =~ ^[1-9][0-9]*$ ]] || usage
count=$1
shift

# The merge gets the options that concern the whole submission.
out=
merge=()
arguments=("$@")
for ((at = 0; at < $#; at++)); do
    argument=${arguments[at]}
    case "$argument" in
        -o | --out | --sample | --findings) value=${arguments[at + 1]-} ;;
        --out=* | --sample=* | --findings=*) value=${argument#*=} argument=${argument%%=*} ;;
        --shard | --shard=*) echo "--shard: each task takes its own; leave it out" >&2 && exit 2 ;;
        *) continue ;;
    esac
    [ -n "$value" ] || usage
    merge+=("$argument" "$value")
    case "$argument" in -o | --out) out=$value ;; esac
done
[ -n "$out" ] || usage

task=$(dirname "$0")/task.sbatch
array=$(sbatch --parsable --array="0-$((count - 1))" "$task" predict "$@" --resume)
array=${array%%;*} # the cluster's name may follow
echo "tasks: $array"
# A single shard is the whole submission, and already has its name.
[ "$count" -gt 1 ] || exit 0

folder=$(dirname "$out") name=$(basename "$out")
stem=${name%.*} ending=
[ "$stem" = "$name" ] || ending=.${name##*.}
shards=()
for ((shard = 0; shard < count; shard++)); do
    shards+=("$folder/$stem.shard-$shard-of-$count$ending")
done
# If a task fails for good, the merge leaves the queue.
merged=$(sbatch --parsable --dependency="afterok:$array" --kill-on-invalid-dep=yes --output="pleura-%j.log" \
    "$task" submission merge "${shards[@]}" "${merge[@]}")
echo "merge: ${merged%%;*}"
