# Training graphs of every architecture, loss and optimiser: CUDA against the CPU, and nodes that are not on CUDA.
wanted graphs || return 0
"$PY" "$TOOLS/recipes.py" "$W/recipes" "$DATA" "$DATA/truth.csv" 128 2

# beside COMMAND…: eight at a time; `together` waits for them, and not for PyTorch's export.
running=0
together() {
    local jobs
    jobs=$(jobs -p | grep -vx "${EXPORT:-0}")
    [ -z "$jobs" ] || wait $jobs
}
beside() {
    "$@" &
    running=$((running + 1))
    [ $((running % 8)) = 0 ] && together
}

# chosen FILE: every pass; the updates and evaluations that differ from each other.
chosen() {
    case $1 in
    */large-*) return 1 ;;
    */pass.onnx | */opt-*/update.onnx | */unet-resnet34/update.onnx | */dc-unet/*.onnx | */loss-lovasz/evaluation.onnx) ;;
    *) return 1 ;;
    esac
}

start=$SECONDS
for file in ${RECIPES:-$(ls "$W"/recipes/*.toml)}; do
    [ -f "$file" ] || file=$W/recipes/$file.toml
    beside dumped "$(basename "$file" .toml)" "$file" 2
done
together
say graphs-written ok "$(ls "$W"/dump/*/*.onnx | grep -vc /large-) in $((SECONDS - start)) s"
for file in $(ls "$W"/dump/*/*.onnx | grep -v /large-); do
    mv "$file" "$(dirname "$file")/$(graph_kind "$file").onnx"
done

on_cpu() { GRAPH_THREADS=2 timeout -k 2 100 graph "$ORT_DYLIB_PATH" cpu "$1" 1 "$1.cpu" >"$1.cpu.log" 2>&1; }
for file in "$W"/dump/*/*.onnx; do
    if chosen "$file"; then beside on_cpu "$file"; fi
done
together

for kind in pass update evaluation; do
    for file in "$W"/dump/*/$kind.onnx; do
        chosen "$file" || continue
        name=$(basename "$(dirname "$file")")-$kind
        [ "$(left)" -lt 20 ] && { say "graphs-$kind" SKIPPED "no time left from $name on"; break; }
        timeout -k 2 60 graph "$ORT_DYLIB_PATH" "$DEVICE" "$file" 1 "$file.gpu" >"$file.gpu.log" 2>&1
        code=$?
        elsewhere=$(grep -a not_on_cuda "$file.gpu.log" | tr '\n' ' ')
        if [ $code != 0 ]; then
            say "graph-$name" "FAILED $code" "$(grep -a FAILED "$file.gpu.log" | head -1 | cut -c1-400) $elsewhere"
        else
            line=$("$PY" "$TOOLS/compare.py" outputs "$file.cpu" "$file.gpu" | tail -1)
            say "graph-$name" "${line%%$'\t'*}" "$(grep -a '^nodes' "$file.gpu.log"); $elsewhere first $(grep -a first_ms "$file.gpu.log" | cut -d' ' -f2) ms; ${line#*$'\t'}"
        fi
        rm -f "$file.cpu" "$file.gpu"
    done
done
