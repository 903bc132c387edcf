#!/usr/bin/env bash
# Looks what is installed in .venv up in the database of known vulnerabilities (pip-audit, in an environment of its own).
# Exit status: 0 nothing is known; 1 something is, and is listed; 2 it couldn't be looked up, as one line says.
# Words behind it are pip-audit's own, in place of what is installed: scripts/audit.sh --requirement FILE
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly tool=build/audit
readonly found=$tool/found.txt said=$tool/said.txt
readonly UNKNOWN=2 KNOWN=pyyaml==5.3

not_done() {
    echo "audit: not done: $*" >&2
    exit $UNKNOWN
}

mkdir -p "$tool"
if [ ! -x $tool/bin/pip-audit ]; then
    { python3 -m venv $tool && $tool/bin/pip install --quiet pip-audit; } >"$said" 2>&1 ||
        not_done "pip-audit can't be installed here ($(tail -n 1 "$said"))"
fi
if [ $# = 0 ]; then
    [ -d .venv ] || not_done "there is no .venv; run make setup first"
    set -- --path .venv/lib/python3*/site-packages
fi
looked_up() {
    rm -f "$found"
    $tool/bin/pip-audit --progress-spinner off --output "$found" "$@" >"$said" 2>&1
}

# A mirror may answer for the database and know nothing at all: one that is well known has to be found first.
echo "$KNOWN" >$tool/known.txt
if looked_up --disable-pip --no-deps --requirement $tool/known.txt; then
    not_done "what answers for the database knows nothing against $KNOWN, which has known faults"
elif [ ! -s "$found" ]; then
    not_done "the database can't be reached ($(tail -n 1 "$said" | cut -c -200))"
fi
if looked_up "$@"; then
    echo "audit: nothing is known against what was looked up"
elif [ -s "$found" ]; then
    cat "$found"
    echo "audit: $(tail -n 1 "$said")" >&2
    exit 1
else
    not_done "$(tail -n 1 "$said" | cut -c -200)"
fi
