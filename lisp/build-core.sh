#!/bin/sh
# Saves an SBCL core with ASDF, UIOP, the shim of the Lisp runtime, and libraries.
#
#   lisp/build-core.sh CORE [SYSTEM...]
#
# Without SYSTEMs: the JSON libraries of the image that ASDF finds on this machine; it lists the missing ones. Each
# given SYSTEM must exist. The variable SBCL sets the sbcl to use.
set -eu

core=${1:?usage: lisp/build-core.sh CORE [SYSTEM...]}
shift
directory=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
mkdir -p -- "$(dirname -- "$core")"
exec "${SBCL:-sbcl}" --noinform --no-sysinit --no-userinit --disable-debugger \
    --load "$directory/build-core.lisp" --end-toplevel-options "$core" "$@"
