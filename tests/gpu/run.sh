#!/usr/bin/env bash
# On a machine with a GPU, from the project's root with .gpu/ (pack.sh) beside its files: checks pleura on CUDA. What it
# finds is a table at the end of standard output; everything else is in $OUT. A step that fails does not end the others.
#   ONLY='predict train'                steps whose names contain one of these
#   DEVICE=cpu bash tests/gpu/run.sh    without a GPU, to try the script
#   FAKE=folder bash tests/gpu/run.sh   on fake CUDA libraries (fake/make.sh): the host's side; numbers mean nothing
# BUDGET is the time for all steps, in seconds; SIDE, ROUNDS, TRAIN_SIDE, TRAIN_BATCH and STEPS make the work smaller.
KIT=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) ROOT=$PWD PACK=$PWD/.gpu SECONDS=0
DEVICE=${DEVICE:-cuda} BUDGET=${BUDGET:-560} SIDE=${SIDE:-512} ROUNDS=${ROUNDS:-3} PY=${PY:-python3}
OUT=${OUT:-$PACK/out} W=${WORK:-$(mktemp -d)}
# numbers of fake libraries are wrong, as the comparison with the CPU would find
VERIFY=${FAKE:+--verify-device 0}
TABLE=$W/table LOGS=$W/logs TOOLS=$KIT/tools DATA=$PACK/data
mkdir -p "$OUT" "$LOGS"
: >"$TABLE"
export PYTHONUNBUFFERED=1 PLEURA_OFFLINE=1 PLEURA_CACHE=$W/cache RUST_BACKTRACE=1
. "$KIT/steps/functions.sh"

# --- unpack ------------------------------------------------------------------------------------------------------------
mkdir -p "$W/ort" "$W/spy" "$W/held"
tar -C "$W" -xJf "$PACK/bin.tar.xz" &
for file in "$PACK"/ort/*.xz; do xz -dc "$file" >"$W/ort/$(basename "$file" .xz)" & done
wait
export PATH=$W/bin:$PATH
ORT_DYLIB_PATH=$(ls "$W"/ort/libonnxruntime.so*)
export ORT_DYLIB_PATH
mv "$W/ort/libonnxruntime_providers_tensorrt.so" "$W/held/" # back for its step
for file in "$W"/ort/libonnxruntime_providers_*; do ln -sf "$file" "$W/spy/"; done
ln -sf "$W/bin/spy.so" "$W/spy/libonnxruntime.so"
export LD_LIBRARY_PATH
LD_LIBRARY_PATH=$(cuda_libraries)
cp -r "$ROOT/ensembles" "$W/ensembles"
DEMO=$W/ensembles/demo.toml
say unpack ok "$SECONDS s; commit $(cut -c1-12 "$PACK/commit" 2>/dev/null); $(uname -m), $(nproc) cores"
# PyTorch exports its networks meanwhile.
if wanted nets; then
    (cd "$W" && CUDA_VISIBLE_DEVICES= timeout -k 2 200 "$PY" "$TOOLS/nets.py" export "$W/nets" "$SIDE" >"$LOGS/nets-export.log" 2>&1) &
    EXPORT=$!
fi

for part in card predict errors train nets steptime graphs int8; do
    . "$KIT/steps/$part.sh"
done

# --- the table ---------------------------------------------------------------------------------------------------------
rm -rf "$W"/train-*
tar -C "$W" -czf "$OUT/logs.tar.gz" logs $(cd "$W" && ls -d *.json *.csv *.jsonl 2>/dev/null) $(cd "$W" && find dump -name '*.log' 2>/dev/null)
cp "$TABLE" "$OUT/table.tsv"
printf '\n=== table (also in %s/table.tsv), %s s ===\n' "$OUT" "$SECONDS"
cut -c1-"${COLUMNS_SHOWN:-150}" "$TABLE" | sed 's/\t/ | /g'
! grep -qE '^[^	]*	(exit|TIMEOUT|FAILED)' "$TABLE"
