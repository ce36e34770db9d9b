# The images, one target for each variant, base and architecture: `docker buildx bake bash-al2-amd64`, and the same
# with the Runtime Interface Emulator: `docker buildx bake rie-bash-al2-amd64`.
#
# Lambda takes a single manifest, not an index: hence one architecture for each target and no attestations.
# The stages `bootstrap`, `jq`, `sbcl`, `powershell` and `rie` can be brought along instead of downloaded and
# compiled: `--set '*.contexts.jq=DIRECTORY'`.

variable "IMAGE" { default = "lambda-script-runtime" }

# "true" marks the image as made for SnapStart.
variable "SNAPSTART" { default = "" }

variable "VARIANTS" { default = ["bash", "lisp", "powershell-runtime", "all"] }

variable "BASES" { default = ["al2", "al2023"] }

variable "ARCHITECTURES" { default = ["amd64", "arm64"] }

group "default" { targets = ["all-al2-amd64"] }

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
  tags      = ["${IMAGE}:${variant}-${base}-${architecture}"]
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
    POWERSHELL_VERSION      = "7.6.1"
    POWERSHELL_SHA256_AMD64 = "dfc94229767921603f7c3e1cb1ac5aa931448af7496ccf657723b6278057c415"
    POWERSHELL_SHA256_ARM64 = "73498813194ea0d849d5942332ee6e51657ea66da08216aa1050788d5c52b741"
  }
}
