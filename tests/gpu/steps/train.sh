# Training: losses as on the CPU, and images a second.
wanted train || wanted steptime || return 0
step train-data 60 bash -c "pleura data convert images '$DATA' --out '$W/png' --to 256x256 && '$PY' '$TOOLS/many.py' '$W/png' '$DATA/truth.csv' 24 '$W/many'"
wanted train || return 0
metrics() { find "$1" -name 'metrics*.jsonl' | head -1; }
recipe tiny '{ kind = "dc-unet", width = 8 }' 128 12 8 "$DATA" "$DATA/truth.csv" # an epoch is one update
for device in cpu $DEVICE; do
    step "train-$device" 90 pleura train "$W/tiny.toml" --fold 0 --device "$device" --out "$W/tiny-$device"
done
verdict train-same "$PY" "$TOOLS/compare.py" losses "$(metrics "$W/tiny-cpu")" "$(metrics "$W/tiny-$DEVICE")"
[ -s "$W/many.csv" ] && ! grep -q "^train-$DEVICE.TIMEOUT" "$TABLE" || return 0
recipe speed '{ kind = "unet", encoder = "resnet34" }' "${TRAIN_SIDE:-256}" "${TRAIN_BATCH:-16}" "${TRAIN_EPOCHS:-3}" "$W/many" "$W/many.csv"
watch_memory
step train-speed 100 pleura train "$W/speed.toml" --fold 0 --device "$DEVICE" --out "$W/speed"
end_watch
say train-speed-is "" "$("$PY" -c "
import json, sys
print('U-Net ResNet34, images/s by epoch:', *[round(json.loads(line)['images_per_second'], 1) for line in open(sys.argv[1])])" "$(metrics "$W/speed")" 2>&1 | tail -1); peak of the card $(peak) MiB"
