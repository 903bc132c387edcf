#!/usr/bin/env bash
# Prints what CHANGELOG.md says of a version. Usage: scripts/release_notes.sh 0.1.0
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
notes=$(awk -v version="${1:?which version?}" '/^## /{inside = ($2 == version); next} inside' CHANGELOG.md)
if [ -z "${notes//[[:space:]]/}" ]; then
    echo "release_notes: CHANGELOG.md says nothing of version $1" >&2
    exit 1
fi
echo "$notes"
