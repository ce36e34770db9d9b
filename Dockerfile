# The images. `docker build -t my-function .` gives the one with every language and function/ inside;
# docker-bake.hcl builds the variants, for each base and architecture.
#
# A stage that downloads ends in one `FROM scratch` that holds only what the images take, so that a build can bring
# its own: `--build-context jq=DIRECTORY`, or `contexts` in bake.

ARG BASE=public.ecr.aws/lambda/provided:al2

# What the stages that download or compile need, by the package manager that the base has.
FROM ${BASE} AS build
RUN <<'EOF'
set -eux
if command -v dnf; then
    dnf install -y gcc make tar gzip bzip2 xz findutils diffutils zlib-devel && dnf clean all
elif command -v yum; then
    yum install -y gcc make tar gzip bzip2 xz findutils diffutils zlib-devel && yum clean all
else
    apt-get update
    apt-get install -y --no-install-recommends ca-certificates curl gcc libc6-dev make bzip2 xz-utils zlib1g-dev
    rm -rf /var/lib/apt/lists/*
fi
EOF
COPY --chmod=755 <<'EOF' /usr/local/bin/fetch
#!/bin/sh
# fetch URL SHA256 FILE: downloads and checks
set -eu
if [ -z "$2" ]; then
    echo "no SHA-256 is known for $1: give it as a build argument (see the ARGs of this stage)" >&2
    exit 1
fi
curl --fail --silent --show-error --location --proto =https --retry 3 --output "$3" "$1"
echo "$2  $3" | sha256sum --check --quiet -
EOF

# The bootstrap, against the base's own C library.
FROM build AS bootstrap-build
ARG TARGETARCH
ARG RUST_VERSION
ARG RUSTUP_VERSION
ARG RUSTUP_SHA256_AMD64
ARG RUSTUP_SHA256_ARM64
RUN <<'EOF'
set -eux
case $TARGETARCH in
    arm64) target=aarch64-unknown-linux-gnu sha256=$RUSTUP_SHA256_ARM64 ;;
    *) target=x86_64-unknown-linux-gnu sha256=$RUSTUP_SHA256_AMD64 ;;
esac
fetch "https://static.rust-lang.org/rustup/archive/$RUSTUP_VERSION/$target/rustup-init" "$sha256" /tmp/rustup-init
chmod +x /tmp/rustup-init
/tmp/rustup-init -y --no-modify-path --profile minimal --default-toolchain "$RUST_VERSION"
EOF
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY benches benches
COPY tests tests
RUN --mount=type=cache,target=/root/.cargo/registry --mount=type=cache,target=/src/target,id=target-$TARGETARCH <<'EOF'
set -eux
/root/.cargo/bin/cargo build --locked --release --bin bootstrap
install -D target/release/bootstrap /out/var/runtime/bootstrap
EOF

FROM scratch AS bootstrap
COPY --from=bootstrap-build /out /

# PowerShell as Microsoft ships it.
FROM build AS powershell-build
ARG TARGETARCH
ARG POWERSHELL_VERSION
ARG POWERSHELL_SHA256_AMD64
ARG POWERSHELL_SHA256_ARM64
RUN <<'EOF'
set -eux
case $TARGETARCH in
    arm64) machine=arm64 sha256=$POWERSHELL_SHA256_ARM64 ;;
    *) machine=x64 sha256=$POWERSHELL_SHA256_AMD64 ;;
esac
archive=powershell-$POWERSHELL_VERSION-linux-$machine.tar.gz
fetch "https://github.com/PowerShell/PowerShell/releases/download/v$POWERSHELL_VERSION/$archive" "$sha256" /tmp/archive
mkdir -p /out/opt/powershell /out/opt/bin
tar -xzf /tmp/archive -C /out/opt/powershell
chmod 755 /out/opt/powershell/pwsh
ln -s ../powershell/pwsh /out/opt/bin/pwsh
EOF

FROM scratch AS powershell
COPY --from=powershell-build /out /

# SBCL compiled from source by an older binary of itself, and the core that holds our shim and the libraries.
FROM build AS sbcl-build
ARG TARGETARCH
ARG SBCL_VERSION
ARG SBCL_SHA256
ARG SBCL_HOST_AMD64
ARG SBCL_HOST_SHA256_AMD64
ARG SBCL_HOST_ARM64
ARG SBCL_HOST_SHA256_ARM64
RUN <<'EOF'
set -eux
case $TARGETARCH in
    arm64) host=$SBCL_HOST_ARM64 sha256=$SBCL_HOST_SHA256_ARM64 ;;
    *) host=$SBCL_HOST_AMD64 sha256=$SBCL_HOST_SHA256_AMD64 ;;
esac
fetch "$host" "$sha256" /tmp/host.tar.bz2
fetch "https://downloads.sourceforge.net/project/sbcl/sbcl/$SBCL_VERSION/sbcl-$SBCL_VERSION-source.tar.bz2" \
    "$SBCL_SHA256" /tmp/source.tar.bz2
mkdir /tmp/host /tmp/source
tar -xjf /tmp/host.tar.bz2 -C /tmp/host --strip-components=1
tar -xjf /tmp/source.tar.bz2 -C /tmp/source --strip-components=1
cd /tmp/source
./make.sh --prefix=/opt --without-gencgc-debug \
    --xc-host="/tmp/host/src/runtime/sbcl --core /tmp/host/output/sbcl.core --no-sysinit --no-userinit"
INSTALL_ROOT=/out/opt sh install.sh
rm -rf /out/opt/share
EOF
COPY lisp /src/lisp
COPY src/shims/lisp /src/src/shims/lisp
RUN <<'EOF'
set -eux
fetch-lisp-libraries /opt/lisp-libraries
SBCL=/out/opt/bin/sbcl SBCL_HOME=/out/opt/lib/sbcl CL_SOURCE_REGISTRY=/opt/lisp-libraries// \
    sh /src/lisp/build-core.sh /out/opt/lisp/runtime.core
EOF

FROM scratch AS sbcl
COPY --from=sbcl-build /out /

# jq, one file.
FROM build AS jq-build
ARG TARGETARCH
ARG JQ_VERSION
ARG JQ_SHA256_AMD64
ARG JQ_SHA256_ARM64
RUN <<'EOF'
set -eux
case $TARGETARCH in
    arm64) machine=arm64 sha256=$JQ_SHA256_ARM64 ;;
    *) machine=amd64 sha256=$JQ_SHA256_AMD64 ;;
esac
fetch "https://github.com/jqlang/jq/releases/download/jq-$JQ_VERSION/jq-linux-$machine" "$sha256" /tmp/jq
install -D /tmp/jq /out/opt/bin/jq
EOF

FROM scratch AS jq
COPY --from=jq-build /out /

# What all images have. A function's own image is three lines: FROM one of those below,
# COPY . ${LAMBDA_TASK_ROOT}, CMD ["app.handler"].
FROM ${BASE} AS runtime
ENV LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime PATH=/usr/local/bin:/usr/bin:/bin:/opt/bin
WORKDIR /var/task
ENTRYPOINT ["/var/runtime/bootstrap"]
CMD ["function.handler"]
COPY --from=bootstrap /var/runtime/bootstrap /var/runtime/bootstrap

# Bash, which the base brings, and jq.
FROM runtime AS bash
COPY --from=jq /opt /opt
COPY function ${LAMBDA_TASK_ROOT}

# Common Lisp.
FROM runtime AS lisp
COPY --from=sbcl /opt /opt
COPY function ${LAMBDA_TASK_ROOT}

# PowerShell.
FROM runtime AS powershell-runtime
COPY --from=powershell /opt /opt
COPY function ${LAMBDA_TASK_ROOT}

# Every language; the last stage, which a plain `docker build` makes.
FROM runtime AS all
COPY --from=jq /opt /opt
COPY --from=sbcl /opt /opt
COPY --from=powershell /opt /opt
COPY function ${LAMBDA_TASK_ROOT}
