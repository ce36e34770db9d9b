# shellcheck shell=bash
# The image: builds it for the function's architecture, checks it, and pushes it if it is missing.

find_repository() {
    lookup RepositoryNotFoundException aws ecr describe-repositories --repository-names "$repository" \
        --query 'repositories[0].[repositoryUri,repositoryArn]' --output text || return 1
    repository_uri=${reply%%$'\t'*} repository_arn=${reply#*$'\t'}
}

make_repository() {
    local mutability=MUTABLE
    ! find_repository || return 0
    ! on IMMUTABLE || mutability=IMMUTABLE
    must aws ecr create-repository --repository-name "$repository" --image-tag-mutability "$mutability" \
        --image-scanning-configuration scanOnPush=true --tags "Key=$mark,Value=$name" \
        --query repository.repositoryUri --output text
    repository_uri=${reply:-"$unknown_registry/$repository"}
}

# The digest of the image with the tag.
find_image() {
    local media
    lookup ImageNotFoundException aws ecr describe-images --repository-name "$repository" --image-ids "imageTag=$tag" \
        --query 'imageDetails[0].[imageDigest,imageManifestMediaType]' --output text || return 1
    digest=${reply%%$'\t'*} media=${reply#*$'\t'}
    case $media in
        *index* | *manifest.list*) die "$repository_uri:$tag is an image index, which Lambda refuses; manage.sh push makes a single manifest" ;;
    esac
}

build_image() { # CONTEXT OPTION...
    local context=$1
    # one manifest: Lambda refuses an index, and attestations make one
    local options=(--platform "linux/${architecture/x86_64/amd64}" --provenance=false --sbom=false --load
        --tag "$repository_uri:$tag")
    shift
    # informs readers of the image; Lambda itself only looks at the request for the restore
    ! on SNAPSTART || options+=(--label com.amazonaws.lambda.feature.snapstart=true)
    loud_call docker buildx build "${options[@]}" "$@" "$context" || {
        ! is_missing_base || die_of_missing_base
        fail
    }
}

build() {
    set --
    [[ -z ${FUNCTION_TARGET-} ]] || set -- --target "$FUNCTION_TARGET"
    if [[ -n ${FUNCTION_BASE-} && -f $dir/Dockerfile ]]; then
        set -- "$@" "${base_options[@]}"
    elif [[ -n ${FUNCTION_BASE-} ]]; then
        # shellcheck disable=SC2016 # the builder expands this variable
        printf 'FROM %s\nCOPY . ${LAMBDA_TASK_ROOT}\n' "$FUNCTION_BASE" >"$scratch/Dockerfile"
        [[ -f $dir/.dockerignore ]] || echo .git >"$scratch/Dockerfile.dockerignore"
        set -- "$@" --file "$scratch/Dockerfile"
    fi
    build_image "$dir" "$@"
}

# Ends if no image can be built from the folder, or not with this base.
check_build() {
    local base=${FUNCTION_BASE-} of
    if [[ -z $base ]]; then
        [[ -f $dir/Dockerfile ]] || die "$dir has no Dockerfile: write one that begins FROM an image of this runtime, or name that image with --base"
        return
    fi
    # only in this case is the folder itself the task root
    check_handler "$command"
    of=$(architecture_of "$base")
    [[ -z $of || $of == "$architecture" ]] ||
        die "the base $base is for $of and the function for $architecture: take the base for $architecture, or give --arch $of"
    [[ ! -f $dir/Dockerfile ]] || choose_base
}

# Sets the base in the folder's own Dockerfile: the value of its ARG BASE, or the image in its FROM.
choose_base() {
    local from
    base_options=(--build-arg "BASE=$FUNCTION_BASE")
    ! grep -qiE '^[[:space:]]*ARG[[:space:]]+BASE([[:space:]=]|$)' "$dir/Dockerfile" || return 0
    from=$(awk 'toupper($1) == "FROM" {
        image = $2; name = $4
        if (image ~ /^--/) { image = $3; name = $5 }
        if (!(image in stages)) last = image
        if (name != "") stages[name] = 1
    } END { print last }' "$dir/Dockerfile")
    case $from in
        *'$'* | '' | scratch) die "$dir has a Dockerfile whose FROM takes no base: write ARG BASE and FROM \${BASE}, or leave out --base" ;;
    esac
    base_options=(--build-context "$from=docker-image://$FUNCTION_BASE")
}

# The architecture at the end of a base's name, as in this project's images.
architecture_of() {
    case $1 in
        *-amd64 | *-x86_64) echo x86_64 ;;
        *-arm64 | *-aarch64) echo arm64 ;;
    esac
}

# Whether the build failed because the image of --base was not found.
is_missing_base() {
    [[ -n ${FUNCTION_BASE-} ]] || return 1
    case $problem in
        *"$FUNCTION_BASE: not found"* | *"pull access denied"* | *"failed to resolve source metadata for "*) return 0 ;;
        *) return 1 ;;
    esac
}

die_of_missing_base() {
    local target=${FUNCTION_BASE##*:}
    # without the version of a release
    target=${target#[0-9]*.[0-9]*.[0-9]*-}
    die "the base $FUNCTION_BASE is neither here nor in its registry: check the name, or build it in a checkout of lambda-script-runtime (docker buildx bake $target) and take that (--base lambda-script-runtime:$target)"
}

# Checks the image for limits of Lambda before it is pushed.
check_image() {
    local image_architecture size
    must docker image inspect --format '{{.Architecture}} {{.Size}} {{join .RepoDigests " "}}' "$repository_uri:$tag"
    ! on DRY_RUN || return 0
    read -r image_architecture size pushed_before <<<"$reply"
    [[ $image_architecture == "${architecture/x86_64/amd64}" ]] ||
        die "the image is for $image_architecture and the function for $architecture: take a base image for $architecture, or change --arch"
    ((size <= image_limit)) ||
        die "the image has $size bytes unpacked and Lambda takes $image_limit: make it smaller"
}

login() {
    local registry=${repository_uri%%/*} password
    must aws ecr get-login-password
    password=$reply
    begin docker login --username AWS --password-stdin "$registry" || return 0
    printf '%s' "$password" | docker login --username AWS --password-stdin "$registry" >/dev/null 2>"$scratch/problem" && return
    problem=$(<"$scratch/problem")
    fail
}

push() {
    choose_architecture
    check_build
    pushed_before='' digest=''
    make_repository
    build
    check_image
    push_image
}

# Pushes the image, unless the repository already has it.
push_image() {
    if find_image && [[ " $pushed_before " == *" $repository_uri@$digest "* ]]; then
        say "the image is in the repository $repository already"
        return
    fi
    login
    report "pushing $repository_uri:$tag"
    loud_call docker push "$repository_uri:$tag" || fail
    find_image || on DRY_RUN || die "ECR does not know $repository_uri:$tag, which was pushed: run the same command again"
    digest=${digest:-$unknown_digest}
}

# Instead of a push: finds the image that an earlier push left under the tag.
use_pushed_image() {
    repository_uri='' digest=''
    { find_repository && find_image; } || on DRY_RUN ||
        die "there is no image $repository:$tag in ECR: run manage.sh push first, or deploy"
    repository_uri=${repository_uri:-"$unknown_registry/$repository"} digest=${digest:-$unknown_digest}
}

# The architecture of --arch, else that of the function, of its base, of its runtime, of this machine.
choose_architecture() { # THOSE-OF-THE-RUNTIME
    local of_base
    architecture=$(plain Architecture)
    of_base=$(architecture_of "${FUNCTION_BASE-}")
    architecture=${FUNCTION_ARCH:-${architecture:-$of_base}}
    case ${1-} in x86_64 | arm64) architecture=${architecture:-$1} ;; esac
    architecture=${architecture:-$(uname -m | sed 's/aarch64/arm64/')}
}
