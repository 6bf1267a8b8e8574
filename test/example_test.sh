#!/bin/sh
# The examples do what they say: by_hand exits 0 only where its gradients equal the automatic ones,
# first trains, saves, and what it saved is listed by the program; fastestdet finds what the
# detector's authors show beside their model.
build=${BUILD:-build}
detector=${OC_DATA:-../shared/data}/models/fastestdet
passed=0 failed=0 skipped=0

expect() { # NAME COMMAND…
    name=$1
    shift
    if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $name"; fi
}

folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

first_learns() {
    "$build/example/first" synth:digits,train=4000,test=1000 "$folder/first.safetensors" | tee "$folder/out"
    awk '/^test accuracy/ { good = $3 >= 90 } END { exit !good }' "$folder/out"
}

# The boxes are those of ONNX Runtime 1.31 with Pillow's bilinear resizing, decoded in Python; they
# lie where result.jpg has them.  Each must be met by one of the same class with more than 0.95
# of their union in common and a score within 0.005.
detector_agrees() {
    "$build/example/fastestdet" "$detector/FastestDet.onnx" "$detector/coco.names" \
        "$detector/3.jpg" "$folder/boxes.png" | tee "$folder/out"
    awk 'function least(a, b) { return a < b ? a : b }
         function most(a, b) { return a > b ? a : b }
         function area(x0, y0, x1, y1) { return most(x1 - x0, 0) * most(y1 - y0, 0) }
         BEGIN {
             split("0.899 41.0 62.6 178.1 293.9 0.895 289.1 141.9 484.5 296.2 " \
                   "0.790 158.9 136.8 256.7 262.4 0.785 230.1 138.8 323.7 276.6", want)
         }
         {
             k = 5 * (NR - 1)
             both = area(most($3, want[k + 2]), most($4, want[k + 3]),
                         least($5, want[k + 4]), least($6, want[k + 5]))
             expected = area(want[k + 2], want[k + 3], want[k + 4], want[k + 5])
             all = area($3, $4, $5, $6) + expected - both
             off = $2 - want[k + 1]
             good += $1 == "person" && both > 0.95 * all && off * off < 0.005 * 0.005
         }
         END { exit !(NR == 4 && good == 4) }' "$folder/out"
}

expect "the hand-made backward pass equals the automatic one" "$build/example/by_hand"
expect "the first program learns digits" first_learns
expect "what it saved is a model file" "$build/ocellus" inspect "$folder/first.safetensors"
lines=$(wc -l < example/first.c)
expect "the first program stays below 60 lines" test "$lines" -lt 60
if [ -f "$detector/FastestDet.onnx" ]; then
    expect "the detector finds its authors' boxes" detector_agrees
    expect "what it draws is a picture" test "$(head -c 4 "$folder/boxes.png" | tail -c 3)" = PNG
else
    skipped=1
    echo "skipped: no $detector/FastestDet.onnx"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
