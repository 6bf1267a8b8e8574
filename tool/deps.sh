#!/bin/sh
# Installs what Ocellus is built from, on Debian and Ubuntu, and only what is missing; elsewhere says
# what is needed.  Usage: tool/deps.sh build|check|peers
set -u

build="gcc make pkg-config libdnnl-dev libpng-dev libjpeg-dev libwebp-dev zlib1g-dev libjansson-dev
libcurl4-openssl-dev libarchive-dev libssl-dev libcairo2-dev fonts-dejavu-core
libmicrohttpd-dev libchafa-dev"
check="$build libcmocka-dev python3 python3-venv"
peers="$check python3-torch python3-pil clang libopenblas0-openmp libasan8 libubsan1"
set -- "${1:-build}"
case "$1" in
build) packages=$build ;;
check) packages=$check ;;
peers) packages=$peers ;;
*) echo "usage: tool/deps.sh build|check|peers" >&2; exit 2 ;;
esac

if ! command -v apt-get >/dev/null 2>&1; then
    cat <<EOT
This is not Debian or Ubuntu.  Ocellus needs a C17 compiler with OpenMP, GNU make, pkg-config and the
development files of: oneDNN (2.6 or later), libpng, libjpeg-turbo, libwebp, zlib, jansson, libcurl (7.85 or later),
libarchive, OpenSSL, cairo, libmicrohttpd, libchafa (1.12 or later), and the DejaVu fonts; for the tests cmocka and Python 3.
On Debian they are: $packages
EOT
    exit 0
fi

missing=""
for p in $packages; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
if [ -n "$missing" ]; then
    sudo=""
    [ "$(id -u)" -eq 0 ] || sudo="sudo"
    echo "installing:$missing"
    $sudo apt-get update -q || true
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -q -y --no-install-recommends $missing || exit
fi

# Peers that Debian does not package come from the Python package index, into a folder of the build.
if [ "$1" = peers ] && ! build/peers/bin/python3 -c 'import safetensors, onnx, onnxruntime' 2>/dev/null; then
    mkdir -p build
    /usr/bin/python3 -m venv --system-site-packages build/peers &&
        build/peers/bin/pip install -q safetensors onnx onnxruntime
fi
