# The demo's ensemble: the same masks as on the CPU, and the same bits whatever the batch.
wanted predict || return 0
for device in cpu $DEVICE; do
    step "predict-$device" 60 pleura predict $VERIFY "$DEMO" "$DATA" --device "$device" --out "$W/$device.csv" --findings "$W/$device.jsonl" --maps "$W/maps-$device"
done
verdict predict-same "$PY" "$TOOLS/compare.py" predictions "$W/cpu.csv" "$W/maps-cpu" "$W/$DEVICE.csv" "$W/maps-$DEVICE"
say predict-providers "" "$(sessions "$LOGS/predict-$DEVICE.log")$(grep -ac 'page-locked' "$LOGS/predict-$DEVICE.log") warnings of page-locked memory"
say predict-verified "" "$(grep -a '^session' "$LOGS/predict-$DEVICE.log" | grep -ao 'as on the CPU.*' | tr '\n' ' ')"
step predict-again 60 pleura predict $VERIFY "$DEMO" "$DATA" --device "$DEVICE" --out "$W/again.csv" --batch 1
say predict-to-the-bit "$(cmp -s "$W/again.csv" "$W/$DEVICE.csv" && echo same || echo DIFFERENT)" "a second run, batch 1 against 8"
step predict-auto 60 pleura predict $VERIFY "$DEMO" "$DATA" --out "$W/auto.csv"
say predict-auto-says "" "$(grep -a '^device' "$LOGS/predict-auto.log")"
