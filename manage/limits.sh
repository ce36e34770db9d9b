# shellcheck shell=bash
# The limits of Lambda that manage.sh checks. src/limits.rs and docs/limits.md have the same values; a test compares
# them.

# shellcheck disable=SC2034 # read by the other parts
readonly longest_timeout=1800 longest_managed_timeout=5400    # seconds; managed: Lambda Managed Instances
readonly most_memory=10240 most_managed_memory=32768          # MB
readonly image_limit=10737418240                              # bytes of an image, unpacked
readonly zip_limit=52428800 unzipped_limit=262144000          # bytes of an archive, and of its unpacked files
readonly zip_handler_limit=128                                # characters of the handler of a zip file
readonly longest_execution=31622400 default_execution=86400   # seconds of a durable execution
readonly longest_retention=90                                 # days for which its history is stored
