# A function of an image that is in ECR already:
#
#   terraform apply -var "image=$(../../manage.sh push --dir ../function --name hello)"
#   terraform destroy
#   ../../manage.sh delete --name hello --all    # the repository, which manage.sh push made

terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.31"
    }
  }
}

variable "name" {
  description = "The function's name"
  type        = string
  default     = "hello"
}

variable "image" {
  description = "The image by digest, as manage.sh push prints it; a destroy needs none"
  type        = string
  default     = null

  validation {
    condition     = var.image == null || can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "The image must be named by digest: REPOSITORY@sha256:..."
  }
}

variable "architecture" {
  description = "What the image was built for: x86_64 or arm64"
  type        = string
  default     = "x86_64"
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

resource "aws_iam_role" "function" {
  name               = "${var.name}-role"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy_attachment" "log" {
  role       = aws_iam_role.function.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

resource "aws_lambda_function" "function" {
  function_name = var.name
  role          = aws_iam_role.function.arn
  package_type  = "Image"
  image_uri     = var.image
  architectures = [var.architecture]
  memory_size   = 512
  timeout       = 30

  image_config {
    command = ["function.handler"]
  }

  logging_config {
    log_format = "JSON"
  }

  lifecycle {
    precondition {
      condition     = var.image != null
      error_message = "Name the image: -var \"image=$(../../manage.sh push --dir ../function --name hello)\"."
    }
  }

  depends_on = [aws_iam_role_policy_attachment.log]
}

resource "aws_lambda_function_url" "function" {
  function_name = aws_lambda_function.function.function_name

  # NONE allows everybody to call it
  authorization_type = "AWS_IAM"

  # RESPONSE_STREAM with SCRIPT_RUNTIME_RESPONSE_MODE=streaming
  invoke_mode = "BUFFERED"
}

output "url" {
  description = "Where signed HTTP requests reach it"
  value       = aws_lambda_function_url.function.function_url
}

output "repository" {
  description = "The image's repository, which stays after a destroy: manage.sh delete --all deletes it"
  value       = var.image == null ? "" : split("@", var.image)[0]
}

output "arn" {
  description = "The function's ARN"
  value       = aws_lambda_function.function.arn
}
