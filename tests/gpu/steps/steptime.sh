# Milliseconds of a training step at a size that fills the card. A step is two graphs: a pass and an update.
wanted steptime || return 0

number() { grep -a "^$1 " | cut -d' ' -f2; }
timed() { timeout -k 2 60 env "$@" graph "$ORT_DYLIB_PATH" "$DEVICE" "$file" "${STEPS:-10}" 2>&1; }
"$PY" "$TOOLS/recipes.py" "$W/large" "$W/many" "$W/many.csv" "${TRAIN_SIDE:-256}" "${TRAIN_BATCH:-16}"
for name in ${LARGE:-unet-resnet34 unet-efficientnet-b0 loss-lovasz}; do
    [ "$(left)" -lt 60 ] && { say "steptime-$name" SKIPPED "no time left"; continue; }
    dumped "large-$name" "$W/large/$name.toml" 4
    text=
    for file in "$W/dump/large-$name"/*.onnx; do
        kind=$(graph_kind "$file")
        [ "$kind" = evaluation ] && continue
        watch_memory
        timed SPY=0 >"$file.log" || text="$text $kind failed: $(grep -a FAILED "$file.log" | head -1 | cut -c1-300)"
        end_watch
        text="$text $kind $(number run_ms <"$file.log") ms (first $(number first_ms <"$file.log"), card $(peak) MiB);"
        if [ "$kind" = pass ] && [ "$DEVICE" = cuda ] && [ "$name" = unet-resnet34 ]; then
            text="$text with TF32 $(timed GRAPH_TF32=1 | number run_ms) ms, heuristic search $(timed GRAPH_SEARCH=HEURISTIC | number run_ms) ms;"
        fi
    done
    say "steptime-$name" "" "batch ${TRAIN_BATCH:-16}, ${TRAIN_SIDE:-256}²:$text"
done
if [ "$DEVICE" = cuda ] && [ -z "$FAKE" ]; then
    step torch-train 60 "$PY" "$TOOLS/nets.py" train "${TRAIN_SIDE:-256}" "${TRAIN_BATCH:-16}" 10
    grep -a '^torch' "$LOGS/torch-train.log" >>"$TABLE"
fi
