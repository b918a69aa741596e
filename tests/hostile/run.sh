#!/usr/bin/env bash
# Run the suite in hostile surroundings: an unknown user without a home directory, an ASCII locale, no standard error,
# a read-only working directory, NumPy's errors raised (plugin.py).
# Usage: tests/hostile/run.sh [pytest's options] [paths of tests]
# PYTHON names the interpreter, JUNIT_XML a file for the results.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
options=() paths=()
for argument in "$@"; do
    path=${argument%%::*} # of path::test
    if [ -e "$path" ]; then paths+=("$(realpath "$path")${argument#"$path"}"); else options+=("$argument"); fi
done
[ ${#paths[@]} -gt 0 ] || paths=("$root/tests")
junit_xml=${JUNIT_XML:+$(realpath "$JUNIT_XML")}
[ -z "${TINYNET_DATA:-}" ] || TINYNET_DATA=$(realpath "$TINYNET_DATA")
scratch=$(mktemp -d)
mkdir "$scratch/tmp" "$scratch/empty"
chmod 755 "$scratch"
chmod 1777 "$scratch/tmp"
chmod 555 "$scratch/empty"
trap 'rm -rf "$scratch"' EXIT
as=()
if [ "$(id -u)" = 0 ]; then # root could write to the folder; the user may read everything, a Python in /root, too
    as=(setpriv --reuid 54321 --regid 54321 --clear-groups --inh-caps=+dac_read_search --ambient-caps=+dac_read_search)
fi
cd "$scratch/empty"
# CuPy and hypothesis keep files in the home directory or the working directory unless they are told where.
environment=(PATH="$PATH" TMPDIR="$scratch/tmp" PYTHONPATH="$root" LANG=C LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0
    PYTHONDONTWRITEBYTECODE=1 CUPY_CACHE_DIR="$scratch/tmp/cupy" HYPOTHESIS_STORAGE_DIRECTORY="$scratch/tmp/hypothesis")
[ -z "${TINYNET_DATA:-}" ] || environment+=(TINYNET_DATA="$TINYNET_DATA")
# pytest's faulthandler needs a standard error
env -i "${environment[@]}" "${as[@]}" "$python" -m pytest -c "$root/setup.cfg" --rootdir "$root" \
    -p tests.hostile.plugin -p no:cacheprovider -p no:faulthandler --junitxml="$scratch/tmp/results.xml" \
    "${options[@]}" "${paths[@]}" 2>&-
[ -z "${junit_xml:-}" ] || cp "$scratch/tmp/results.xml" "$junit_xml"
