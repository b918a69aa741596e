#!/usr/bin/env bash
# Run the suite in hostile surroundings: an unknown user without a home, an ASCII locale, closed standard error, a working
# directory that is read-only, NumPy's errors raised (plugin.py), no /dev/tty. Usage: tests/hostile/run.sh [pytest's arguments]
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
scratch=$(mktemp -d)
mkdir "$scratch/tmp" "$scratch/empty"
chmod 755 "$scratch"; chmod 1777 "$scratch/tmp"; chmod 555 "$scratch/empty"
trap 'rm -rf "$scratch"' EXIT
as=()
if [ "$(id -u)" = 0 ]; then  # root could write to a read-only folder; the user may read all, to find a Python in /root
    as=(setpriv --reuid 54321 --regid 54321 --clear-groups --inh-caps=+dac_read_search --ambient-caps=+dac_read_search)
fi
cd "$scratch/empty"
env -i PATH="$PATH" LANG=C LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 PYTHONDONTWRITEBYTECODE=1 TMPDIR="$scratch/tmp" \
    ${TINYNET_DATA:+TINYNET_DATA="$TINYNET_DATA"} PYTHONPATH="$root" \
    "${as[@]}" "$python" -m pytest -c "$root/setup.cfg" --rootdir "$root" -p tests.hostile.plugin -p no:cacheprovider -p no:faulthandler \
    "${@:-$root/tests}" 2>&-
