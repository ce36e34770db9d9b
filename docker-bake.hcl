# The images, one target for each variant, base and architecture: `docker buildx bake bash-al2-amd64`, and the same
# with the Runtime Interface Emulator: `docker buildx bake rie-bash-al2-amd64`.
#
# Lambda takes a single manifest, not an index: hence one architecture for each target and no attestations.
# The stages `bootstrap`, `jq`, `gnu-bash`, `sbcl`, `powershell`, `aws-cli` and `rie` can be brought along instead of downloaded
# and compiled: `--set '*.contexts.jq=DIRECTORY'`. al2 left support on 2026-07-31; al2023 is built without a word.

variable "IMAGE" { default = "lambda-script-runtime" }

# A released version goes before the name of what was built: `IMAGE:0.2.0-bash-al2023-amd64`.
variable "VERSION" { default = "" }

# "true" marks the image as made for SnapStart.
variable "SNAPSTART" { default = "" }

variable "VARIANTS" { default = ["bash", "bash-aws", "lisp", "powershell-runtime", "all"] }

variable "BASES" { default = ["al2", "al2023"] }

variable "ARCHITECTURES" { default = ["amd64", "arm64"] }

group "default" { targets = ["all-al2023-amd64"] }

target "_common" {
  context    = "."
  dockerfile = "Dockerfile"
  attest     = ["type=provenance,disabled=true", "type=sbom,disabled=true"]
  labels     = SNAPSTART == "true" ? { "com.amazonaws.lambda.feature.snapstart" = "true" } : {}
}

target "images" {
  inherits = ["_common"]
  matrix   = { variant = VARIANTS, base = BASES, architecture = ARCHITECTURES }
  name     = "${variant}-${base}-${architecture}"
  target    = variant
  platforms = ["linux/${architecture}"]
  tags      = ["${IMAGE}:${VERSION == "" ? "" : "${VERSION}-"}${variant}-${base}-${architecture}"]
  args = merge({ BASE = "public.ecr.aws/lambda/provided:${base}" }, base == "al2" ? {} : POWERSHELL_AL2023)
}

target "emulator" {
  inherits = ["_common"]
  matrix   = { variant = VARIANTS, base = BASES, architecture = ARCHITECTURES }
  name       = "rie-${variant}-${base}-${architecture}"
  dockerfile = "Dockerfile.rie"
  contexts   = { runtime = "target:${variant}-${base}-${architecture}" }
  platforms  = ["linux/${architecture}"]
  tags       = ["${IMAGE}:rie-${variant}-${base}-${architecture}"]
}

# The Dockerfile has PowerShell 7.4, for al2.
variable "POWERSHELL_AL2023" {
  default = {
    POWERSHELL_VERSION      = "7.6.6"
    POWERSHELL_SHA256_AMD64 = "ddbc4a2d113bbd46d283cfedcbcd117a70caefd7673f41f2b4e0000badf103bc"
    POWERSHELL_SHA256_ARM64 = "924829e54c983648f6f1419a2dc7f9433c861b2fb5bd57736ff096c24f133729"
  }
}
