#!/bin/sh
# TensorRT against torch eager FP16 and torch.compile on one NVIDIA GPU, in one call.
#
#   scripts/gpu_bench.sh pack DIR        on a machine with a network: fetch the wheels that the GPU
#                                        machine lacks, in pieces of at most 60 MB; PYTHON has
#                                        to be of the GPU machine's version
#   scripts/gpu_bench.sh [--wheels DIR] [--out FILE]
#                                        on the GPU machine, which has PyTorch: set up, measure
#   scripts/gpu_bench.sh --dry-run       the same steps on a CPU, with a small network
#
# PYTHON names the interpreter; with VENV=none nothing is installed. Takes under 8 minutes.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python3}
venv=${VENV:-$root/.venv-gpu}
flavour=${FLAVOUR:-tensorrt-rtx}
limit_s=480
packages="$flavour cuda-bindings onnx onnxscript onnxruntime opencv-python-headless PyYAML safetensors"

if [ "${1:-}" = pack ]; then
    mkdir -p "$2"
    "$python" -m pip wheel --quiet --wheel-dir "$2" --constraint "$root/constraints.txt" $packages
    for wheel in "$2"/*.whl; do
        if [ "$(wc -c < "$wheel")" -gt 60000000 ]; then
            split -b 60000000 -d "$wheel" "$wheel.part-"
            rm "$wheel"
        fi
    done
    du -sh "$2"
    exit 0
fi

wheels=
if [ "${1:-}" = --wheels ]; then
    wheels=$2
    shift 2
fi
if [ "$venv" != none ]; then
    # Beside the machine's own packages, for its PyTorch.
    "$python" -m venv --system-site-packages "$venv"
    python=$venv/bin/python
    if [ -n "$wheels" ]; then
        joined=$(mktemp -d)
        cp "$wheels"/*.whl "$joined"
        for first in "$wheels"/*.part-00; do
            [ -e "$first" ] || continue
            name=$(basename "${first%.part-00}")
            cat "${first%00}"* > "$joined/$name"
        done
        "$python" -m pip install --quiet --no-index --find-links "$joined" $packages
        rm -r "$joined"
    else
        "$python" -m pip install --quiet $packages
    fi
fi
PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH} exec timeout "$limit_s" \
    "$python" "$root/scripts/gpu_bench.py" "$@"
