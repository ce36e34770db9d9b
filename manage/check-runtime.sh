#!/usr/bin/env bash
# Tests facts about a customer-managed runtime that AWS's pages do not state: a function on it reports its environment,
# PATH, user, working directory and /opt, without a layer and with one. You need an AWS account.
#
#   manage/check-runtime.sh --runtime NAME|ARN [--runtime-alias stable] [--region REGION]
#
# It takes manage.sh's options. At the end, it deletes all that it has created: the function, its role and log group,
# the layer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

name=check-runtime-$$
folder=$(mktemp -d)
layer=''
region=()
for ((i = 1; i < $#; i++)); do
    if [[ ${!i} == --region ]]; then
        next=$((i + 1))
        region=(--region "${!next}")
    fi
done

lambda() { aws lambda "$@" ${region[@]+"${region[@]}"}; }

clean_up() {
    ./manage.sh delete --name "$name" --all --yes ${region[@]+"${region[@]}"} || true
    [[ -z $layer ]] || lambda delete-layer-version --layer-name "$name" --version-number "${layer##*:}" || true
    rm -rf "$folder"
}
trap clean_up EXIT

mkdir "$folder/function"
cat >"$folder/function/check.sh" <<'HANDLER'
handler() {
    printf 'user: %s\n' "$(id)"
    printf 'directory: %s\n' "$PWD"
    printf 'bash: %s\n' "$(readlink "/proc/$BASHPID/exe")"
    printf 'bootstrap: %s\n' "$(tr '\0' ' ' <"/proc/$PPID/cmdline")"
    printf 'LAMBDA_TASK_ROOT: %s, PATH: %s\n' "${LAMBDA_TASK_ROOT-unset}" "$PATH"
    printf 'names of variables: %s\n' "$(compgen -e | tr '\n' ' ')"
    printf '/opt: %s\n' "$(find /opt -maxdepth 2 2>&1 | sort | tr '\n' ' ')"
    printf '/var/lang: %s\n' "$(find /var/lang -maxdepth 2 2>&1 | sort | head -n 40 | tr '\n' ' ')"
}
HANDLER

show() { # WHAT: a cold start and a warm one; the REPORT lines have the init times
    echo "== $1"
    ./manage.sh invoke --name "$name" ${region[@]+"${region[@]}"}
    echo
}

./manage.sh deploy --name "$name" --dir "$folder/function" --handler check.handler "$@"
show 'without a layer, cold'
show 'without a layer, warm'

mkdir -p "$folder/layer/bin"
printf '#!/bin/sh\necho from the layer\n' >"$folder/layer/bin/of-the-layer"
chmod 755 "$folder/layer/bin/of-the-layer"
(cd "$folder/layer" && python3 -m zipfile -c ../layer.zip bin)
layer=$(lambda publish-layer-version --layer-name "$name" --zip-file "fileb://$folder/layer.zip" \
    --query LayerVersionArn --output text)
./manage.sh update --name "$name" --set "Layers=[\"$layer\"]" ${region[@]+"${region[@]}"}
show 'with a layer, cold'
