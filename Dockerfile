# The images. `docker build -t my-function .` builds the one with every language and function/ inside.
# docker-bake.hcl builds the variants, whose task root is empty, for each base and architecture.
#
# A stage that downloads is followed by a stage `FROM scratch` with only the files for the images, so that a build can
# replace it: `--build-context jq=DIRECTORY`, or `contexts` in bake.

ARG BASE=public.ecr.aws/lambda/provided:al2

# Every download, with its checksum for each architecture. The checksums come from public sources (the projects' own
# lists, or packagers who pin the same file); "one source" marks those that only one of them has.
ARG RUST_VERSION=1.95.0
ARG RUSTUP_VERSION=1.29.0
ARG RUSTUP_SHA256_AMD64=4acc9acc76d5079515b46346a485974457b5a79893cfb01112423c89aeb5aa10
ARG RUSTUP_SHA256_ARM64=9732d6c5e2a098d3521fca8145d826ae0aaa067ef2385ead08e6feac88fa5792

# 7.4 for al2, whose glibc 2.26 is too old for the .NET 10 of 7.6: one source; docker-bake.hcl takes 7.6 for al2023
ARG POWERSHELL_VERSION=7.4.19
ARG POWERSHELL_SHA256_AMD64=1b023e097b0e0546ad9566f7a2126cbe0eb8455fa7b0c5de558e317b8ddc16c8
ARG POWERSHELL_SHA256_ARM64=2b11aafacf574222abaf691a0b3b2d463e617d17fe337343c2fb93ea871a4691

# the source, and the binaries that compile it (amd64: one source)
ARG SBCL_VERSION=2.6.1
ARG SBCL_SHA256=5f2cd5bb7d3e6d9149a59c05acd8429b3be1849211769e5a37451d001e196d7f
ARG SBCL_HOST_VERSION_AMD64=1.4.16
ARG SBCL_HOST_SHA256_AMD64=df3d905d37656a7eeeba72d703577afc94a21d756a4dde0949310200f82ce575
ARG SBCL_HOST_VERSION_ARM64=1.4.2
ARG SBCL_HOST_SHA256_ARM64=ddac6499f36c18ecbce9822a53ef3914c0def5276a457446a456c62999b16d36

# arm64: one source
ARG JQ_VERSION=1.8.2
ARG JQ_SHA256_AMD64=b1c22172dd303f3be49e935aa56aa48a8b7a46e0bc838b4997d3bb451495870f
ARG JQ_SHA256_ARM64=8b85c817833814ddca00a144c33705546355afccf0cf39b188f3cdb48b852309

# the source; the patches are listed where they are applied
ARG GNU_BASH_VERSION=5.3
ARG GNU_BASH_SHA256=0d5cd86965f869a26cf64f4b71be7b96f90a3ba8b3d74e27e8e9d9d5550f31ba

# the tag of public.ecr.aws/aws-cli/aws-cli
ARG AWS_CLI_VERSION=2.37.1

# The tools of the stages that download or compile, installed by the package manager of the base.
FROM ${BASE} AS build
ARG BASE
RUN <<'EOF'
set -eux
case $BASE in
    */provided:al2) echo "NOTE: al2 left support on 2026-07-31: --build-arg BASE=${BASE}023, or docker buildx bake" ;;
esac
if command -v dnf; then
    dnf install -y gcc glibc-static make tar gzip bzip2 xz findutils diffutils bison patch && dnf clean all
elif command -v yum; then
    yum install -y gcc glibc-static make tar gzip bzip2 xz findutils diffutils bison patch && yum clean all
else
    apt-get update
    apt-get install -y --no-install-recommends \
        ca-certificates curl gcc libc6-dev make bzip2 xz-utils bison patch
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
RUN --mount=type=cache,target=/root/.cargo/registry --mount=type=cache,target=/src/target,sharing=locked <<'EOF'
set -eux
/root/.cargo/bin/cargo build --locked --release --bin bootstrap
install -D target/release/bootstrap /out/var/runtime/bootstrap
EOF

FROM scratch AS bootstrap
COPY --from=bootstrap-build /out /

# Microsoft's PowerShell, without the parts that no handler can use, with the runtime's host, and with PowerShell's
# cache of the commands in its modules.
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
mkdir -p /var/lang/powershell /out/var/lang/bin
tar -xzf /tmp/archive -C /var/lang/powershell
chmod 755 /var/lang/powershell/pwsh
ln -s ../powershell/pwsh /out/var/lang/bin/pwsh
EOF
COPY powershell/trim.ps1 /src/powershell/
COPY src/languages/powershell/host /src/host
RUN <<'EOF'
set -eux
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 POWERSHELL_TELEMETRY_OPTOUT=1 POWERSHELL_UPDATECHECK=Off
run() { /var/lang/powershell/pwsh -NoProfile -NonInteractive -File "$@"; }
run /src/powershell/trim.ps1 /var/lang/powershell
run /src/host/build.ps1 -Output /var/lang/powershell/lambda-script-runtime.dll
EOF
# a search for a command reads every module; PowerShell writes what it has read some 13 seconds later
RUN <<'EOF'
set -eux
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 POWERSHELL_TELEMETRY_OPTOUT=1 POWERSHELL_UPDATECHECK=Off
export PSModuleAnalysisCachePath=/var/lang/powershell/ModuleAnalysisCache
/var/lang/powershell/pwsh -NoProfile -NonInteractive -Command '
    $ErrorActionPreference = "Stop"
    Get-Command -Name no-such-command -ErrorAction Ignore
    for ($seconds = 0; $seconds -lt 120; $seconds++) {
        Start-Sleep -Seconds 1
        # as long as it is being written, nobody else may open it
        try { $file = [System.IO.File]::Open($env:PSModuleAnalysisCachePath, "Open", "Read", "None") } catch { continue }
        if ($file.Length -gt 0) { exit 0 }
        $file.Dispose()
    }
    throw "PowerShell has not written $env:PSModuleAnalysisCachePath"
'
# only now: it goes by the paths that the modules have in the images
mv /var/lang/powershell /out/var/lang/powershell
EOF

FROM scratch AS powershell
COPY --from=powershell-build /out /

# SBCL, compiled from source by an older binary of itself, and the core with the shim and the libraries.
FROM build AS sbcl-build
ARG TARGETARCH
ARG SBCL_VERSION
ARG SBCL_SHA256
ARG SBCL_HOST_VERSION_AMD64
ARG SBCL_HOST_SHA256_AMD64
ARG SBCL_HOST_VERSION_ARM64
ARG SBCL_HOST_SHA256_ARM64
RUN <<'EOF'
set -eux
case $TARGETARCH in
    arm64) host=$SBCL_HOST_VERSION_ARM64 machine=arm64 sha256=$SBCL_HOST_SHA256_ARM64 ;;
    *) host=$SBCL_HOST_VERSION_AMD64 machine=x86-64 sha256=$SBCL_HOST_SHA256_AMD64 ;;
esac
releases=https://downloads.sourceforge.net/project/sbcl/sbcl
fetch "$releases/$host/sbcl-$host-$machine-linux-binary.tar.bz2" "$sha256" /tmp/host.tar.bz2
fetch "$releases/$SBCL_VERSION/sbcl-$SBCL_VERSION-source.tar.bz2" "$SBCL_SHA256" /tmp/source.tar.bz2
mkdir /tmp/host /tmp/source
tar -xjf /tmp/host.tar.bz2 -C /tmp/host --strip-components=1
tar -xjf /tmp/source.tar.bz2 -C /tmp/source --strip-components=1
cd /tmp/source
# sb-simd takes 18 s to compile, and a fifth of the image, for what a handler hardly asks for
SBCL_CONTRIB_BLOCKLIST=sb-simd sh make.sh --prefix=/var/lang \
    --xc-host="/tmp/host/src/runtime/sbcl --core /tmp/host/output/sbcl.core --no-sysinit --no-userinit"
INSTALL_ROOT=/out/var/lang sh install.sh
rm -rf /out/var/lang/share
EOF
# NAME DATE FILE SHA256 of Quicklisp's archive. st-json, jsown, json-streams and monkeylib-*: one source
COPY <<'EOF' /tmp/libraries
alexandria 2017-08-30 alexandria-20170830-git 894e54f77594b13137b5b8ec05937ad6b78bc15c4630ffd1e550e1f226a2f96e
trivial-gray-streams 2018-10-18 trivial-gray-streams-20181018-git 3b921381df112515661c174fafa04adf11cf4620ebd7e2cc1d7bfd548fab2d28
split-sequence 2019-05-21 split-sequence-v2.0.0 6aa973591b2ba75a07774638f4702cdf329c2aa668e3f7e9866a06fab9ae9525
yason 2019-12-27 yason-v0.7.8 c1193980a3588f163ecfd7810f221fbafa9fb8d1032e9ed5d5dd121e450ca585
cl-json 2014-12-17 cl-json-20141217-git ef048af51b714fc9072527a01102068f5efec96672801ef65d5a5a13fdbd8e01
st-json 2015-06-08 st-json-20150608-git c6550e740a235f6271809bf01c0c752217e99a1bc4a64435b7beb8666cdfbaec
jsown 2020-02-18 jsown-20200218-git 120a9b6560d8ebffebd9141d31eb54313a6f46d3bc24cffb1e077bfba70b9681
json-streams 2017-08-30 json-streams-20170830-git b92f595261110a8a62f113067a1d7c3386436ff23e9f0d2fbe1c3fa9b8e3ff79
monkeylib-json 2017-06-30 monkeylib-json-20170630-git f7b4fad9f2974b17c211c89b86e34f620f20eba4606cff21ac434dbc3dcaab19
monkeylib-parser 2012-02-08 monkeylib-parser-20120208-git 4345d1b5285f31c87e046cd0f30c58ad9b2181d44b883246532db7a7fe112925
monkeylib-utilities 2017-04-03 monkeylib-utilities-20170403-git b0b73e824156dfdf1cb7a40128b322189a8bc3b47c6c3825ff9507bf10abd893
monkeylib-macro-utilities 2011-12-03 monkeylib-macro-utilities-20111203-git 7bf8cd5a5aeb0841d11615aaf9c63373f52f37eb90d34fa6d28f01cbcc8c0888
EOF
RUN <<'EOF'
set -eux
mkdir /tmp/lisp-libraries
while read -r name date file sha256; do
    fetch "https://beta.quicklisp.org/archive/$name/$date/$file.tgz" "$sha256" /tmp/library.tgz
    tar -xzf /tmp/library.tgz -C /tmp/lisp-libraries
done </tmp/libraries
EOF
COPY lisp /src/lisp
COPY src/languages/lisp/shim /src/src/languages/lisp/shim
RUN <<'EOF'
set -eux
SBCL=/out/var/lang/bin/sbcl SBCL_HOME=/out/var/lang/lib/sbcl CL_SOURCE_REGISTRY=/tmp/lisp-libraries//: \
    sh /src/lisp/build-core.sh /out/var/lang/lisp/runtime.core
# one core does for both: a plain `sbcl` has the libraries, too
ln -sf ../../lisp/runtime.core /out/var/lang/lib/sbcl/sbcl.core
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
install -D /tmp/jq /out/var/lang/bin/jq
EOF

FROM scratch AS jq
COPY --from=jq-build /out /

# The source of a current Bash: al2 has 4.2 of 2011. The patches are cumulative.
FROM build AS gnu-bash-source
ARG GNU_BASH_VERSION
ARG GNU_BASH_SHA256
COPY <<'EOF' /tmp/patches
001 1f608434364af86b9b45c8b0ea3fb3b165fb830d27697e6cdfc7ac17dee3287f
002 e385548a00130765ec7938a56fbdca52447ab41fabc95a25f19ade527e282001
003 f245d9c7dc3f5a20d84b53d249334747940936f09dc97e1dcb89fc3ab37d60ed
004 9591d245045529f32f0812f94180b9d9ce9023f5a765c039b852e5dfc99747d0
005 cca1ef52dbbf433bc98e33269b64b2c814028efe2538be1e2c9a377da90bc99d
006 29119addefed8eff91ae37fd51822c31780ee30d4a28376e96002706c995ff10
007 c0976bbfffa1453c7cfdd62058f206a318568ff2d690f5d4fa048793fa3eb299
008 097cd723cbfb8907674ac32214063a3fd85282657ec5b4e544d2c0f719653fb4
009 eee30fe78a4b0cb2fe20e010e00308899cfc613e0774ebb3c8557a1552f24f8c
010 cf76f1cce2ea300c18bff9f002d21f280cc931acd17c28518110b93fe6e72569
011 0298df8f5ea2a31d3be43ed7d269c5b3c7c342dd5b570bea7f64d66dcbbe7531
012 d71379b39bebaedaf123414414e77fb458a0a43b9ad3116594c6df7ca6754573
013 042f9cda967e24bf4211944697441e93d06ff42b4b998629a98a1b249279f200
014 bd4360b401d38507e358783dcad8536a99c6789f0d3a5bd0cfb8c4a34144696c
015 55b79ceee2fc27f6767eed697e939a7eb2fe2a28c01556bd75f18d581014f46e
016 9ea29b266b7d24cb34d0ff3f1c4631e4d527bfe2d1ef15d17cdb924bf31ef767
017 443b927b45c1558ca72052410f8b8f6e5152b617ed707061a2781d4375b0d1c3
018 ae715d76c50341d7d7095e9a8d2eeed1ca9546152c2ac7289206f90cf30ac697
019 a25c581e4d0057dea3833918438a930e2e86ee4c6dc17fe15267b7f04cbc4e3d
020 df217ed3a9122aa2286d9b67bbe348661b6a9db262b580c29150dae55d532896
EOF
RUN <<'EOF'
set -eux
releases=https://ftp.gnu.org/gnu/bash
fetch "$releases/bash-$GNU_BASH_VERSION.tar.gz" "$GNU_BASH_SHA256" /tmp/bash.tar.gz
mkdir -p /out/bash
tar -xzf /tmp/bash.tar.gz -C /out/bash --strip-components=1
while read -r number sha256; do
    patch=bash$(echo "$GNU_BASH_VERSION" | tr -d .)-$number
    fetch "$releases/bash-$GNU_BASH_VERSION-patches/$patch" "$sha256" /tmp/patch
    patch --directory=/out/bash --strip=0 --input=/tmp/patch
done </tmp/patches
EOF

FROM scratch AS bash-source
COPY --from=gnu-bash-source /out /

# A static Bash, which forks faster, if a static program can find users, hosts and locales with the base's C library.
FROM build AS gnu-bash-build
COPY --from=bash-source /bash /tmp/bash
COPY <<'EOF' /tmp/check
set -eu
test "$(LC_ALL=C.UTF-8 ./bash -c 'word=äöü; echo "${#word}"')" = 3
./bash -c 'printf "%s\n" ~nobody ~no-such-user' >/dev/null
case $(./bash -c ': </dev/tcp/localhost/9' 2>&1) in *refused*) ;; *) exit 1 ;; esac
test "$(./bash -c 'name=$(echo <(:)); echo "${name%/*}"')" = /proc/self/fd
# a user without a name, as a function may run as
PATH=$PATH:/usr/sbin chroot --userspec=54321:54321 / "$PWD/bash" -c 'test "$UID" = 54321'
EOF
RUN <<'EOF'
set -eux
for linking in --enable-static-link --disable-static-link; do
    rm -rf /tmp/build
    mkdir /tmp/build
    cd /tmp/build
    # Lambda's /dev has no fd: process substitutions go by /proc/self/fd
    CFLAGS='-O2 -w' bash_cv_dev_fd=whacky \
        /tmp/bash/configure --quiet --prefix=/var/lang --without-bash-malloc --disable-nls "$linking"
    make --silent --jobs="$(nproc)"
    if sh /tmp/check; then
        break
    fi
done
sh /tmp/check
strip bash
install -D bash /out/var/lang/bin/bash
EOF

FROM scratch AS gnu-bash
COPY --from=gnu-bash-build /out /

# AWS's own AWS CLI v2. Its links are absolute, so it keeps its path.
FROM public.ecr.aws/aws-cli/aws-cli:${AWS_CLI_VERSION} AS aws-cli

# Links: the command `durable`; the paths of earlier releases, which `bootstrap` itself does not need, because a layer
# may hide /opt; and the AWS CLI.
FROM ${BASE} AS links
RUN <<'EOF'
set -eux
mkdir -p /aws/usr/local/bin /bash/opt/bin /lisp/opt/bin /lisp/opt/lib /powershell/opt/bin /runtime/var/lang/bin
ln -s ../../runtime/bootstrap /runtime/var/lang/bin/durable
for program in bash jq; do
    ln -s "../../var/lang/bin/$program" "/bash/opt/bin/$program"
done
ln -s ../../var/lang/bin/sbcl /lisp/opt/bin/sbcl
ln -s ../../var/lang/lib/sbcl /lisp/opt/lib/sbcl
ln -s ../var/lang/lisp /lisp/opt/lisp
ln -s ../../var/lang/bin/pwsh /powershell/opt/bin/pwsh
ln -s ../var/lang/powershell /powershell/opt/powershell
ln -s ../aws-cli/v2/current/bin/aws /aws/usr/local/bin/aws
EOF

# The files that each variant adds, as one layer.
FROM scratch AS bash-files
COPY --from=jq / /
COPY --from=gnu-bash / /
COPY --from=links /bash /

FROM scratch AS lisp-files
COPY --from=sbcl / /
COPY --from=links /lisp /

FROM scratch AS powershell-files
COPY --from=powershell / /
COPY --from=links /powershell /

FROM scratch AS all-files
COPY --from=bash-files / /
COPY --from=lisp-files / /
COPY --from=powershell-files / /

# The parts that all images have. A function's own image is three lines: FROM one of those below,
# COPY . ${LAMBDA_TASK_ROOT}, CMD ["app.handler"]. `bootstrap` needs none of these variables: an image that is
# published as a Lambda runtime may start without them.
FROM ${BASE} AS runtime
ENV LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime \
    PATH=/usr/local/bin:/usr/bin:/bin:/opt/bin:/var/lang/bin
WORKDIR /var/task
ENTRYPOINT ["/var/runtime/bootstrap"]
CMD ["function.handler"]
COPY --from=bootstrap /var/runtime/bootstrap /var/runtime/bootstrap
COPY --from=links /runtime /

# Bash functions get the Bash of /var/lang/bin; `#!/bin/bash` and `bash` are the base's.
FROM runtime AS bash
COPY --from=bash-files / /

# The same with AWS CLI v2.
FROM bash AS bash-aws
COPY --from=aws-cli /usr/local/aws-cli /usr/local/aws-cli
COPY --from=links /aws /

# Common Lisp.
FROM runtime AS lisp
COPY --from=lisp-files / /

# PowerShell.
FROM runtime AS powershell-runtime
COPY --from=powershell-files / /

# Every language.
FROM runtime AS all
COPY --from=all-files / /

# The function of this repository; the last stage, which a plain `docker build` builds.
FROM all AS function
COPY function ${LAMBDA_TASK_ROOT}
