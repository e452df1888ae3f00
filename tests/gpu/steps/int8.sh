# 8-bit models on the device.
wanted int8 && [ "$(left)" -gt 30 ] || return 0
step int8 40 pleura optimize $VERIFY "$DEMO" "$DATA" --device "$DEVICE" --form int8 --calibrate 8 --out "$W/int8"
for file in "$W"/int8/int8/demo/*.onnx; do placed "int8-$(basename "$file" .onnx)" "$file"; done
