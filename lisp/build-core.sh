#!/bin/sh
# Saves an SBCL core that holds ASDF, UIOP, the shim of the Lisp runtime, and libraries.
#
#   lisp/build-core.sh CORE [SYSTEM...]
#
# Without SYSTEMs: the JSON libraries of the image, as far as ASDF finds them here; it says which are left out.
# SYSTEMs that are named must be there. SBCL chooses the sbcl.
set -eu

core=${1:?usage: lisp/build-core.sh CORE [SYSTEM...]}
shift
directory=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
mkdir -p -- "$(dirname -- "$core")"
exec "${SBCL:-sbcl}" --noinform --no-sysinit --no-userinit --disable-debugger \
    --load "$directory/build-core.lisp" --end-toplevel-options "$core" "$@"
