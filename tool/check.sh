#!/bin/sh
# Runs test programs and scripts one after the other and adds up what they say.
# Usage: tool/check.sh BUILD PROGRAM…   (STRICT=1: a skipped test is a failure)
# A test program reports as cmocka does; a script ends with "N passed, N failed, N skipped".
build=$1
shift
passed=0 failed=0 skipped=0
# Threads that wait must not keep a core from the processes beside them, as in the program itself.
export GOMP_SPINCOUNT="${GOMP_SPINCOUNT:-2000}"
export LSAN_OPTIONS="suppressions=$PWD/tool/lsan.txt:print_suppressions=0"
mkdir -p "$build/log"
for test in "$@"; do
    name=$(basename "$test")
    log=$build/log/$name.txt
    start=$(date +%s)
    BUILD=$build timeout "${TEST_TIMEOUT:-900}" "$test" >"$log" 2>&1 </dev/null
    rc=$?
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -1)
    if [ -n "$line" ]; then
        p=${line%% passed*}; rest=${line#*, }; f=${rest%% failed*}; rest=${rest#*, }; s=${rest%% skipped*}
    else
        p=$(grep -c '^\[       OK \]' "$log")
        f=$(grep -E '^\[  FAILED  \] [^0-9]' "$log" | grep -v 'test(s)' | sort -u | wc -l)
        s=$(grep -E '^\[  SKIPPED \] [^0-9]' "$log" | grep -v 'test(s)' | sort -u | wc -l)
    fi
    [ "$rc" -ne 0 ] && [ "$f" -eq 0 ] && f=1
    printf '%-28s %4d passed %3d failed %3d skipped  %3d s\n' "$name" "$p" "$f" "$s" $(($(date +%s) - start))
    grep -E '^(skipped|SKIP):? ' "$log" | sort -u | sed 's/^/    /'
    if [ "$f" -gt 0 ]; then
        echo "    exit status $rc; the end of $log:"
        tail -40 "$log" | sed 's/^/    /'
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
[ -n "$STRICT" ] && [ "$skipped" -gt 0 ] && echo "STRICT: $skipped tests were skipped" && strict=1
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ -z "$strict" ]
