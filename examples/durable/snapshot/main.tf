# A durable function with an image that is already in ECR:
#
#   terraform apply -var "image=$(../../../manage.sh push --dir . --name snapshot)"
#   terraform destroy
#   ../../../manage.sh delete --name snapshot --all    # the repository, which manage.sh push made

terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.25"
    }
  }
}

variable "name" {
  description = "The function's name"
  type        = string
  default     = "snapshot"
}

variable "image" {
  description = "The image by digest, as manage.sh push prints it"
  type        = string
}

data "aws_partition" "current" {}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "snapshots" {
  statement {
    actions   = ["rds:CreateDBSnapshot", "rds:DescribeDBSnapshots"]
    resources = ["arn:${data.aws_partition.current.partition}:rds:*:*:db:*", "arn:${data.aws_partition.current.partition}:rds:*:*:snapshot:*"]
  }
}

resource "aws_iam_role" "function" {
  name               = "${var.name}-role"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

# Logs and checkpoints
resource "aws_iam_role_policy_attachment" "durable" {
  role       = aws_iam_role.function.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AWSLambdaBasicDurableExecutionRolePolicy"
}

resource "aws_iam_role_policy" "snapshots" {
  role   = aws_iam_role.function.name
  policy = data.aws_iam_policy_document.snapshots.json
}

resource "aws_lambda_function" "function" {
  function_name = var.name
  role          = aws_iam_role.function.arn
  package_type  = "Image"
  image_uri     = var.image
  architectures = ["x86_64"]
  memory_size   = 512

  # The timeout of one invocation, in seconds
  timeout = 60

  image_config {
    command = ["function.sh.handler"]
  }

  # The timeout of the whole execution in seconds, and the retention in days. Only a new function can be made durable
  durable_config {
    execution_timeout = 86400
    retention_period  = 14
  }

  # Durable functions must be called by a version or an alias
  publish = true

  depends_on = [aws_iam_role_policy_attachment.durable]
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.function.function_name
  function_version = aws_lambda_function.function.version
}

output "alias" {
  description = "The name to call it by"
  value       = aws_lambda_alias.live.arn
}
