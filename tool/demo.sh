#!/bin/sh
# Trains a digit classifier on digits that the program draws, writes some more of them as PNG, and
# shows what the classifier says about them.  Usage: tool/demo.sh BUILD
set -e
demo=$1/demo

ocellus() {
    printf '\n$ ocellus %s\n' "$*"
    "$build/ocellus" "$@"
}

build=$1
ocellus train cnn --data synth:digits --epochs 3 --out "$demo/run" --force
ocellus data save synth:digits "$demo/digits" --count 10 --force
ocellus predict "$demo/run" "$demo/digits" --top 2
ocellus predict "$demo/run" "$demo/digits/00003-is-3.png"
printf '\nNext: %s/ocellus help\n' "$build"
