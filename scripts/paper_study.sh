#!/usr/bin/env bash
# The paper's study at its size: 25 repetitions of each stage at 256x256, early stopping after 20 epochs.
#
#   scripts/paper_study.sh DATA OUT
#
# DATA holds general/ and portable/. The same command continues after any interruption. Arms: the paper's, from scratch,
# from natural images, and the general stage alone; the third is a study of its own in the same splits, since another
# network begins it. At the end it prints Tables 3 to 7 beside the paper's and writes both reports into OUT.
#
# Settings, by environment variables:
#   REPETITIONS=25 SIDE=256 EPOCHS=500 PATIENCE=20 BATCH=16 SEED=0 LOCKED=0.2 (share of the portable patients)
#   PRECISION=auto   mixed precision where the hardware is fast in it; float32 for none
#   DONOR=hub        weights of stage 0; NATURAL=imagenet.pt, fetched if it is not there; NATURAL=none leaves it out
#   AT_ONCE=4        trainings side by side on one GPU (Ray); without a GPU one after the other
#   HOURS=10         without a GPU each of the two studies ends after so long; start the command again to continue
#   EXTRA=''         further YAML lines of each stage's settings, such as 'network_def#init_features: 8'
set -euo pipefail
if [ $# -ne 2 ]; then
    sed -n '2,20s/^# \{0,1\}//p' "$0"
    exit 2
fi
data=$(realpath "$1") out=$(realpath -m "$2")
mkdir -p "$out"

write_plan() { # FILE DONOR ARMS SETTINGS
    local gpus=0 threads=null keep_decoded=true
    if [ "$side_by_side" -gt 0 ]; then
        keep_decoded=false # but in the GPU's memory
        gpus=$(awk "BEGIN {print 1 / $side_by_side}")
        threads=$((($(nproc) + side_by_side - 1) / side_by_side))
    fi
    {
        printf 'data: "%s"\nout: "%s"\ndonor: "%s"\n' "$data" "${1%.yaml}" "$2"
        printf 'repetitions: %s\nseed: %s\nlocked_share: %s\n' "${REPETITIONS:-25}" "${SEED:-0}" "${LOCKED:-0.2}"
        printf 'arms: %s\nthreads: %s\ngpus: %s\nprecision: %s\n' "$3" "$threads" "$gpus" "${PRECISION:-auto}"
        printf 'keep_decoded: %s\nstages:\n' "$keep_decoded"
        for stage in general portable; do
            printf '  %s:\n    image_size: %s\n    max_epochs: %s\n' "$stage" "${SIDE:-256}" "${EPOCHS:-500}"
            printf '    early_stop_patience: %s\n    batch_size: %s\n    settings:\n' "${PATIENCE:-20}" "${BATCH:-16}"
            # What comes before the first random transform is kept: so decoded images stay on the device.
            printf '      train#random_transforms:\n'
            printf '        - {_target_: EnsureTyped, keys: [image, label], device: "@device", track_meta: false, dtype: null}\n'
            printf '        - {_target_: RandRotated, keys: [image, label], range_x: 0.17453292519943295, prob: 0.75,'
            printf ' mode: [bilinear, nearest], padding_mode: zeros}\n'
            if [ "$stage" = general ] && [ -n "$4" ]; then printf '      %s\n' "$4"; fi
            if [ -n "${EXTRA:-}" ]; then printf '      %s\n' "$EXTRA"; fi
        done
    } >"$1.new"
    mv "$1.new" "$1"
}

run_study() { # PLAN
    local status=0
    if [ "$side_by_side" -gt 0 ]; then
        lungxfer study run "$1" --ray-address local || status=$?
    else # an interrupted training continues after its last finished epoch
        timeout --signal=INT --kill-after=300 "$(awk "BEGIN {print 3600 * ${HOURS:-10}}")" lungxfer study run "$1" || status=$?
    fi
    case $status in
        0) ;;
        124) echo "$(basename "$1"): time is up, the same command continues" ;;
        *) echo "$(basename "$1"): ended with exit code $status, the same command continues" ;;
    esac
    if [ "$status" -gt "$worst" ]; then worst=$status; fi
}

print_tables() { # STUDY TITLE
    local table
    if ! lungxfer study report "$1"; then
        echo "$2: no report, since no repetition is finished"
        return
    fi
    printf '\n# %s\n' "$2"
    for table in "$1"/tables/table[3-7]*.md "$1"/tables/arms_*.md; do
        if [ -f "$table" ]; then
            printf '\n'
            cat "$table"
        fi
    done
}

worst=0 side_by_side=0
if python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
    side_by_side=${AT_ONCE:-4}
    echo "One GPU, $side_by_side trainings side by side"
else
    echo "No GPU: one training after the other, ${HOURS:-10} hours for each study"
fi
donor=${DONOR:-hub}
if [ "$donor" = hub ]; then lungxfer weights fetch donor; fi
natural=${NATURAL:-$out/imagenet.pt}
if [ "$natural" != none ] && [ ! -f "$natural" ]; then lungxfer weights fetch natural-images --out "$natural"; fi

write_plan "$out/stages.yaml" "$donor" '[paper, scratch, general_only]' ''
run_study "$out/stages.yaml"
if [ "$natural" != none ]; then
    write_plan "$out/natural.yaml" "$(realpath "$natural")" '[paper]' 'parent_allow: ["decoder*"]'
    run_study "$out/natural.yaml"
fi
print_tables "$out/stages" 'Donor, general, portable; from scratch; general alone'
if [ "$natural" != none ]; then print_tables "$out/natural" 'Natural images, general, portable'; fi
exit "$worst"
