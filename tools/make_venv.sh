#!/bin/bash
# Make the virtual environment $1 with the interpreter $2, and install what that needs: on Debian, python3-venv.
set -euo pipefail
venv=$1
python=$2

say() { echo "make_venv: $*" >&2; }

if ! command -v "$python" >/dev/null; then
    say "there is no $python; install Python 3.11 or later, or name one: make install PYTHON=python3.12"
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    say "$("$python" --version) is too old; name Python 3.11 or later: make install PYTHON=python3.12"
    exit 1
fi

missing=()
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
[ -e /etc/ssl/certs/ca-certificates.crt ] || ! command -v apt-get >/dev/null || missing+=(ca-certificates)
if [ ${#missing[@]} -gt 0 ]; then
    if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
        say "these are missing, and only root can install them, with Debian's packages: ${missing[*]}"
        exit 1
    fi
    say "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q -o DPkg::Lock::Timeout=300 update >&2
    apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "${missing[@]}" >&2
fi
"$python" -m venv "$venv"
