# Larger networks, beside PyTorch: speed, half precision, tensor cores, memory, agreement with the CPU.
wanted nets || return 0
wait "$EXPORT"
say nets-export "$([ -f "$W/nets/ensemble.toml" ] && echo ok || echo FAILED)" "$(tail -1 "$LOGS/nets-export.log" | cut -c1-200)"
nets=$W/nets/ensemble.toml half=$W/nets-half/fp16
step nets-cuda 90 pleura predict $VERIFY "$nets" "$DATA" --device "$DEVICE" --out "$W/nets.csv" --maps "$W/nets-maps"
say nets-providers "" "$(sessions "$LOGS/nets-cuda.log")"
step nets-bench-cuda 90 bash -c "pleura bench --verify-device 0 '$nets' '$DATA' --device $DEVICE --full --rounds $ROUNDS --json >'$W/bench.json'"
say nets-bench-cuda-is "" "$(speed "$W/bench.json")"
step nets-fp16 90 pleura optimize $VERIFY "$nets" "$DATA" --device "$DEVICE" --form fp16 --calibrate 4 --out "$W/nets-half"
say nets-fp16-says "" "$(grep -aE 'Dice|time, of' "$LOGS/nets-fp16.log" | head -4 | sed 's/  \+/ /g' | tr '\n' ';')"
step nets-bench-fp16 90 bash -c "pleura bench --verify-device 0 '$half/ensemble.toml' '$DATA' --device $DEVICE --full --rounds $ROUNDS --json >'$W/bench16.json'"
say nets-bench-fp16-is "" "$(speed "$W/bench16.json")"
# `use_tf32=0` keeps ONNX Runtime from tensor cores for 16-bit convolutions, too
milliseconds() { timeout -k 2 40 "$@" graph "$ORT_DYLIB_PATH" cuda "$file" 20 2>&1 | grep -a run_ms | cut -d' ' -f2; }
for file in "$W/nets/unet-resnet34.onnx" "$half/unet-resnet34.onnx"; do
    [ -f "$file" ] && [ "$DEVICE" = cuda ] || continue
    say "tensor-cores-$(basename "$(dirname "$file")")" "" "4 images of $SIDE²: as pleura opens it $(milliseconds env) ms, with use_tf32=1 $(milliseconds env GRAPH_TF32=1) ms, heuristic search $(milliseconds env GRAPH_SEARCH=HEURISTIC) ms"
done
if [ "$DEVICE" = cuda ] && [ -z "$FAKE" ]; then
    step torch-infer 70 "$PY" "$TOOLS/nets.py" infer "$SIDE" 8
    grep -a '^torch.ensemble' "$LOGS/torch-infer.log" >>"$TABLE"
fi
step nets-memory 60 pleura predict $VERIFY "$nets" "$DATA" --device "$DEVICE" --batch 64 --device-memory "${SMALL:-2GiB}" --out "$W/nets-m.csv" --maps "$W/nets-m-maps"
verdict nets-memory-same "$PY" "$TOOLS/compare.py" predictions "$W/nets.csv" "$W/nets-maps" "$W/nets-m.csv" "$W/nets-m-maps"
say nets-memory-says "" "$(grep -ac 'ran out of memory: it gets' "$LOGS/nets-memory.log") halvings; $(grep -aiE 'warning|error|ran out' "$LOGS/nets-memory.log" | tail -1 | cut -c1-250)"
mkdir -p "$W/few"
find "$DATA" -name '*.dcm' | sort | head -8 | xargs -I{} cp {} "$W/few/"
step nets-cpu 80 pleura predict $VERIFY "$nets" "$W/few" --device cpu --out "$W/nets-cpu.csv" --maps "$W/nets-cpu-maps"
verdict nets-same "$PY" "$TOOLS/compare.py" predictions "$W/nets-cpu.csv" "$W/nets-cpu-maps" "$W/nets.csv" "$W/nets-maps"
say nets-cpu-is "" "$(grep -aoE '[0-9.]+ images/s' "$LOGS/nets-cpu.log" | tail -1) on $(nproc) cores"
placed newest "$W/nets/newest.onnx"
for file in "$half"/*.onnx; do placed "fp16-$(basename "$file" .onnx)" "$file"; done
