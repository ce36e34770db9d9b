# The runtime with Terraform: its provider has no resource for runtimes, so this manages the stack of publisher.yaml.
#
#   terraform apply -var image=ACCOUNT.dkr.ecr.REGION.amazonaws.com/scripts-runtime@sha256:...

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
  description = "The runtime's name"
  type        = string
  default     = "scripts"
}

variable "image" {
  description = "The image by digest, as manage.sh push prints it"
  type        = string
}

resource "aws_cloudformation_stack" "runtime" {
  name          = "${var.name}-runtime"
  template_body = file("${path.module}/publisher.yaml")

  parameters = {
    Name  = var.name
    Image = var.image
  }
}

output "arn" {
  description = "What functions name as RuntimeArn"
  value       = aws_cloudformation_stack.runtime.outputs["Arn"]
}
