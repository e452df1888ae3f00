# Errors: a missing device or library, too little memory, TensorRT.
wanted errors && [ "$DEVICE" = cuda ] || return 0
[ -f "$W/cuda.csv" ] || pleura predict $VERIFY "$DEMO" "$DATA" --device cuda --out "$W/cuda.csv" >"$LOGS/errors-reference.log" 2>&1
same() { cmp -s "$1" "$W/cuda.csv" && echo same || echo DIFFERENT; }
refused error-index 40 pleura predict $VERIFY "$DEMO" "$DATA" --device cuda:7 --out "$W/e.csv"
say error-index-says "" "$(grep -a error "$LOGS/error-index.log" | head -1 | grep -oE "Invalid device.*|invalid device ordinal.*" | cut -c1-300)"
refused error-no-provider 40 env ORT_DYLIB_PATH="$W/held/none.so" pleura predict $VERIFY "$DEMO" "$DATA" --device cuda --out "$W/e.csv"
step memory-demo 60 pleura predict $VERIFY "$DEMO" "$DATA" --device cuda --batch 24 --device-memory "${TINY:-24MiB}" --out "$W/m.csv"
say memory-demo-says "$(same "$W/m.csv")" "$(grep -ac 'ran out of memory: it gets' "$LOGS/memory-demo.log") halvings: $(grep -a 'ran out' "$LOGS/memory-demo.log" | tail -1 | sed 's/.*ran out/ran out/' | cut -c1-160)"
# named, a device has to serve as it is; `auto` may fall back
{ echo 'runtime = { tensorrt = true }'; cat "$DEMO"; } >"$W/ensembles/trt.toml"
for device in auto cuda; do
    if [ $device = auto ]; then how=step; else how=refused; fi
    $how "tensorrt-absent-$device" 60 pleura predict $VERIFY "$W/ensembles/trt.toml" "$DATA" --device $device --out "$W/trt-$device.csv"
    say "tensorrt-absent-$device-says" "" "$(grep -ai tensorrt "$LOGS/tensorrt-absent-$device.log" | head -1 | cut -c1-300)"
done
say tensorrt-absent-same "$(same "$W/trt-auto.csv")" "auto falls back"
cp "$W/held/libonnxruntime_providers_tensorrt.so" "$W/ort/"
step tensorrt-no-nvinfer 60 pleura predict $VERIFY "$W/ensembles/trt.toml" "$DATA" --device auto --out "$W/trt.csv"
say tensorrt-no-nvinfer-says "$(same "$W/trt.csv")" "$(grep -ai tensorrt "$LOGS/tensorrt-no-nvinfer.log" | head -1 | cut -c1-300)"
rm -f "$W/ort/libonnxruntime_providers_tensorrt.so"
