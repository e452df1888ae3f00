#!/usr/bin/env bash
# make.sh PROVIDER FOLDER: builds fake CUDA libraries into FOLDER, those that PROVIDER
# (libonnxruntime_providers_cuda.so for CUDA 13) needs. What the sources beside this script do not define returns 0.
#
# make.sh --driver FOLDER: the driver's library alone, with which `pleura runtime install` takes this machine for one
# with a GPU.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
provider=$1 folder=$2
mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# library NAME: builds NAME (libcudart.so.13) from cudart.c, if there is one, and stubs.
library() {
    local name=$1 source parts=()
    source=$here/$(sed -E 's/^lib([a-zA-Z]+)\.so.*/\1/' <<<"$name").c
    : >"$work/defined"
    if [ -f "$source" ]; then
        cc -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter -O1 -fPIC -c -o "$work/part.o" "$source"
        nm -g --defined-only "$work/part.o" | awk '{ print $3 }' | sort >"$work/defined"
        parts=("$work/part.o")
    fi
    awk -F'\t' -v name="$name" '$2 == name { print $1 }' "$work/symbols" | sort | comm -23 - "$work/defined" |
        sed 's/.*/long &(void) { return 0; }/' >"$work/stubs.c"
    # the loader compares a symbol's version, which is the library's name
    echo "$name { global: *; };" >"$work/versions"
    cc -w -O1 -fPIC -shared -Wl,-soname,"$name" -Wl,--version-script="$work/versions" -o "$folder/.$name" \
        "$work/stubs.c" "${parts[@]}"
    mv "$folder/.$name" "$folder/$name"
}

: >"$work/symbols"
if [ "$provider" = --driver ]; then
    library libcuda.so.1
    exit
fi
nm -D --undefined-only --with-symbol-versions "$provider" | sed -nE 's/^ +U ([^@]+)@(lib(cu|nv).*)/\1\t\2/p' >"$work/symbols"
for name in $(readelf -d "$provider" | sed -nE 's/.*\(NEEDED\).*\[(lib(cu|nv)[^]]*)\]/\1/p'); do
    library "$name"
done
