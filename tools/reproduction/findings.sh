#!/usr/bin/env bash
# docs/FINDINGS.md and its pictures anew, from what the studies left in docs/results/findings; nothing is trained.
# Argument: the program [default: onedge].
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p docs/images/findings
cp docs/results/findings/*.svg docs/images/findings/
"${1:-onedge}" report --figures docs/results/findings --beside docs/results/findings-100 --markdown --pictures images/findings --notes docs/findings --out docs/FINDINGS.md --force
