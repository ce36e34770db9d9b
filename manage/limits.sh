# shellcheck shell=bash
# Lambda's limits, as manage.sh checks them. src/limits.rs and docs/limits.md name the same; a test compares them.

# shellcheck disable=SC2034 # read by the other parts
readonly longest_timeout=1800 longest_managed_timeout=5400    # seconds; managed: Lambda Managed Instances
readonly most_memory=10240 most_managed_memory=32768          # MB
readonly image_limit=10737418240                              # bytes of an image, unpacked
readonly zip_limit=52428800 unzipped_limit=262144000          # bytes of an archive that is sent, and of its files
readonly zip_handler_limit=128                                # characters of a handler beside a zip
readonly longest_execution=31622400 default_execution=86400   # seconds of a durable execution
readonly longest_retention=90                                 # days that its history is kept
