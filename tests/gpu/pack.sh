#!/usr/bin/env bash
# From the project's root: makes .gpu/ (46 MiB), which a machine with a GPU needs beside the project's files.
#   cargo build --release && bash tests/gpu/pack.sh
# PROFILE=debug packs another build, SM=80 keeps another processor's device code (90: H100, H200).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
binaries=target/${PROFILE:-release} sm=${SM:-90}
data=${PLEURA_DATA:-../shared/data} cache=${CACHE:-$HOME/.cache/pleura-gpu}
[ -x "$binaries/pleura" ] || { echo "no $binaries/pleura: run cargo build --release, or name another PROFILE"; exit 1; }
mkdir -p "$cache" .gpu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# --- ONNX Runtime for CUDA, as `pleura runtime install` fetches it on a machine with a GPU ----------------------------
"$here/fake/make.sh" --driver "$work/driver"
LD_LIBRARY_PATH=$work/driver PLEURA_CACHE=$cache "$binaries/pleura" runtime install
runtime=$(ls -d "$cache"/onnxruntime-*-gpu | sort -V | tail -1)
thin=$runtime-sm$sm
if [ ! -f "$thin/done" ]; then
    mkdir -p "$thin"
    cp "$runtime"/libonnxruntime* "$thin/"
    python3 "$here/tools/thin.py" "$runtime/libonnxruntime_providers_cuda.so" "$thin/libonnxruntime_providers_cuda.so" "$sm"
    nice xz -T0 -7 -f "$thin"/lib*
    touch "$thin/done"
fi

# --- the program, its plugins, and the tools ---------------------------------------------------------------------------
mkdir -p "$work/bin"
strip -o "$work/bin/pleura" "$binaries/pleura"
for plugin in "$binaries"/libplugin_*.so; do strip --strip-unneeded -o "$work/bin/$(basename "$plugin")" "$plugin"; done
cc -O1 -w -o "$work/bin/graph" "$here/tools/graph.c" -ldl -lm
cc -shared -fPIC -O1 -w -o "$work/bin/spy.so" "$here/tools/spy.c" -ldl
packed=$cache/bin-$(cat "$work"/bin/* | sha256sum | cut -c1-16).tar.xz
[ -f "$packed" ] || tar -C "$work" -c bin | nice xz -T0 -6 >"$packed"

rm -rf .gpu/*
mkdir -p .gpu/ort
cp "$thin"/lib*.xz .gpu/ort/
cp "$packed" .gpu/bin.tar.xz
python3 "$here/tools/sample.py" "$data/siim/train_dicom" "$data/siim/train_dicom/train-rle-subset.csv" .gpu/data 24
git rev-parse HEAD >.gpu/commit 2>/dev/null || true
du -sh --apparent-size .gpu
