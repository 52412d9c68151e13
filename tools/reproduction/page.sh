#!/usr/bin/env bash
# docs/REPRODUCTION.md and its pictures anew, from the runs and verdicts that are kept in docs/results; nothing is trained.
# Argument: the program [default: onedge]. A folder of data sets (DATA) spares it the download of those that runs name.
set -euo pipefail
cd "$(dirname "$0")/../.."
onedge=${1:-onedge}
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
"$onedge" figure all --preset medium ${DATA:+--data "$DATA"} --from docs/results --out "$made" --quiet > /dev/null ||
    echo "the page is made without the figures named above" >&2
mkdir -p docs/images/medium docs/results/verdicts/medium
cp "$made"/figure-*.svg docs/images/medium/
cp "$made"/figure-*.json docs/results/verdicts/medium/
beside=()
for verdicts in docs/results/verdicts/medium-* docs/results/verdicts/small; do
    if [ -d "$verdicts" ]; then beside+=(--beside "$verdicts"); fi
done
"$onedge" report --figures "$made" "${beside[@]}" --markdown --pictures images/medium --notes docs/reproduction --out docs/REPRODUCTION.md --force
