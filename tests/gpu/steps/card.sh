# The machine.
nvidia-smi >"$LOGS/nvidia-smi.log" 2>&1
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null | head -1 >"$W/card"
say card "$([ -s "$W/card" ] && echo ok || echo none)" "$(cat "$W/card")"
step runtime-show 30 pleura runtime show
say cuda-libraries "$(grep -q 'has all libraries' "$LOGS/runtime-show.log" && echo ok || echo MISSING)" "$(grep -E '^ +CUDA ' "$LOGS/runtime-show.log" | sed 's/ \+/ /g')"
step probe 60 pleura runtime probe "$DEVICE"
