# Functions of the steps.

# say WHAT VERDICT DETAIL: a row of the table.
say() { printf '%s\t%s\t%s\n' "$1" "$2" "$3" | tee -a "$TABLE"; }

# left: seconds of the budget.
left() { echo $((BUDGET - SECONDS)); }

# wanted NAME: whether ONLY names it, or nothing.
wanted() {
    [ -z "$ONLY" ] && return 0
    local it
    for it in $ONLY; do [[ $1 == *$it* ]] && return 0; done
    return 1
}

# step NAME SECONDS COMMAND…: runs a command, its output to a log, and says how it ended and how long it took.
step() {
    local name=$1 most=$2 start=$SECONDS code
    shift 2
    [ "$(left)" -lt 5 ] && { say "$name" SKIPPED "no time left"; return 99; }
    [ "$most" -gt "$(left)" ] && most=$(left)
    # at the first signal a training writes a checkpoint; one that hangs does not
    timeout -k 2 "$most" "$@" >"$LOGS/$name.log" 2>&1
    code=$?
    case $code in
    0) say "$name" ok "$((SECONDS - start)) s" ;;
    124 | 137) say "$name" TIMEOUT "after $most s: $(tail -1 "$LOGS/$name.log" | cut -c1-200)" ;;
    *) say "$name" "exit $code" "$(grep -aE 'error|Error|FAILED' "$LOGS/$name.log" | tail -1 | cut -c1-300)" ;;
    esac
    return $code
}

# refused NAME SECONDS COMMAND…: as `step`, for a command that has to end with exit code 2.
refused() {
    local name=$1 most=$2
    shift 2
    step "$name" "$most" bash -c '"$@"; code=$?; [ $code = 2 ] || exit $((code + 100))' "$name" "$@"
}

# verdict NAME COMMAND…: a row from the last line that a comparison prints.
verdict() {
    local name=$1 line
    shift
    line=$("$@" 2>&1 | tail -1)
    say "$name" "${line%%$'\t'*}" "${line#*$'\t'}"
}

# speed FILE: the median round of `pleura bench --json`.
speed() {
    "$PY" -c "
import json, sys
rounds = sorted(json.load(open(sys.argv[1]))['rounds'], key=lambda it: it['seconds'])
it = rounds[len(rounds) // 2]
alone = it['images'] / max(it['models_alone_seconds'], 1e-9)
print(f\"{it['images_per_second']:.1f} images/s, efficiency {it['efficiency']:.2f}, models alone {alone:.1f} images/s\")" "$1" 2>/dev/null
}

# The card's memory while something runs, sampled ten times a second.
watch_memory() {
    : >"$W/memory"
    nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits -lms 100 >"$W/memory" 2>/dev/null &
    WATCH=$!
}
end_watch() {
    kill "$WATCH" 2>/dev/null
    wait "$WATCH" 2>/dev/null
}
peak() { sort -n "$W/memory" 2>/dev/null | tail -1; }

# placed NAME FILE: which nodes of a model are not on the device.
placed() {
    [ -f "$2" ] || return 0
    say "placed-$1" "" "$(timeout -k 2 40 graph "$ORT_DYLIB_PATH" "$DEVICE" "$2" 0 2>&1 | grep -av open_s | tr '\n' ' ' | cut -c1-300)"
}

# sessions LOG: the providers that a run's sessions got.
sessions() { grep -a '^session' "$1" | sed 's/session `[^`]*\///; s/ExecutionProvider//' | tr '\n' ' '; }

# recipe NAME ARCHITECTURE SIDE BATCH EPOCHS IMAGES TRUTH: writes a recipe.
recipe() {
    cat >"$W/$1.toml" <<T
schema = 1
name = "$1"
seed = 1
network = { architecture = $2, channels = 1 }
data = { images = ["$6"], truth = { kind = "rle", csv = "$7", size = [1024, 1024] } }
folds = { count = 2 }
loss = { map = [{ kind = "bce" }, { kind = "dice" }] }
optimizer = { kind = "adam" }
[[phases]]
epochs = $5
size = [$3, $3]
batch = $4
lr = 1e-3
T
}

# dumped NAME RECIPE THREADS: writes the three graphs of a training to $W/dump/NAME, and stops it.
dumped() {
    mkdir -p "$W/dump/$1"
    env SPY_DUMP="$W/dump/$1" SPY_LAST=3 SPY_REAL="$ORT_DYLIB_PATH" ORT_DYLIB_PATH="$W/spy/libonnxruntime.so" \
        timeout -k 2 100 pleura train "$2" --fold 0 --device cpu --threads "$3" --out "$W/train-$1" >"$LOGS/dump-$1.log" 2>&1
}

# graph_kind FILE: which of a training's graphs it is.
graph_kind() {
    if grep -aq 'gradient:' "$1"; then echo pass
    elif grep -aq 'new:weights' "$1"; then echo update
    else echo evaluation; fi
}

# cuda_libraries: the folders of CUDA's libraries: the fake ones, Python's packages, the system's.
cuda_libraries() {
    [ -n "$FAKE" ] && { echo "$FAKE"; return; }
    local packages folder found=
    packages=$("$PY" -c "import importlib.util as u; s = u.find_spec('nvidia'); print('\n'.join(s.submodule_search_locations) if s else '')" 2>/dev/null)
    for folder in $(for package in $packages; do ls -d "$package"/*/lib "$package"/lib 2>/dev/null; done) /usr/local/nvidia/lib64 /usr/local/cuda/lib64; do
        [ -d "$folder" ] && found=$found:$folder
    done
    echo "${found#:}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
}
