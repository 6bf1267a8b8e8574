#!/bin/sh
# The examples do what they say: by_hand exits 0 only where its gradients equal the automatic ones,
# first trains, saves, and what it saved is listed by the program.
build=${BUILD:-build}
passed=0 failed=0

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

expect "the hand-made backward pass equals the automatic one" "$build/example/by_hand"
expect "the first program learns digits" first_learns
expect "what it saved is a model file" "$build/ocellus" inspect "$folder/first.safetensors"
lines=$(wc -l < example/first.c)
expect "the first program stays below 60 lines" test "$lines" -lt 60

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
