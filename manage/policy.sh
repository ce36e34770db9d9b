# shellcheck shell=bash
# The policy for deploying one function: only the calls of this script.

print_policy() {
    local region=${AWS_REGION:-*}
    printf '{"Version": "2012-10-17", "Statement": ['
    allow '*' ecr:GetAuthorizationToken
    printf ', '
    # the last two let Lambda read the repository
    allow "arn:aws:ecr:$region:*:repository/$repository" ecr:DescribeRepositories ecr:CreateRepository ecr:TagResource \
        ecr:ListTagsForResource ecr:DeleteRepository ecr:DescribeImages ecr:BatchGetImage ecr:GetDownloadUrlForLayer \
        ecr:BatchCheckLayerAvailability ecr:InitiateLayerUpload ecr:UploadLayerPart ecr:CompleteLayerUpload ecr:PutImage \
        ecr:GetRepositoryPolicy ecr:SetRepositoryPolicy
    printf ', '
    allow "arn:aws:lambda:$region:*:function:$name\", \"arn:aws:lambda:$region:*:function:$name:*" lambda:GetFunction \
        lambda:CreateFunction lambda:UpdateFunctionCode lambda:UpdateFunctionConfiguration lambda:PublishVersion \
        lambda:CreateAlias lambda:UpdateAlias lambda:DeleteFunction lambda:InvokeFunction lambda:GetFunctionUrlConfig \
        lambda:CreateFunctionUrlConfig lambda:UpdateFunctionUrlConfig lambda:GetPolicy lambda:AddPermission \
        lambda:RemovePermission lambda:GetRuntimeManagementConfig lambda:PutRuntimeManagementConfig
    if [[ -n ${FUNCTION_RUNTIME-} ]]; then
        local runtime="arn:aws:lambda:$region:*:runtime/${FUNCTION_RUNTIME##*runtime/}"
        printf ', '
        allow "$runtime\", \"$runtime/*" lambda:CreateRuntime lambda:GetRuntime lambda:TagResource \
            lambda:DeleteRuntime lambda:RestoreRuntime lambda:CreateRuntimeVersion lambda:GetRuntimeVersion \
            lambda:UpdateRuntimeVersion lambda:ListRuntimeVersions lambda:DeleteRuntimeVersion lambda:CreateRuntimeAlias \
            lambda:GetRuntimeAlias lambda:UpdateRuntimeAlias lambda:ListRuntimeAliases lambda:DeleteRuntimeAlias
        printf ', '
        allow '*' lambda:ListRuntimes
    fi
    printf ', '
    allow "arn:aws:iam::*:role/${FUNCTION_ROLE:-$own_role}" iam:GetRole iam:CreateRole iam:TagRole iam:PassRole \
        iam:AttachRolePolicy iam:PutRolePolicy iam:ListAttachedRolePolicies iam:DetachRolePolicy iam:ListRolePolicies \
        iam:DeleteRolePolicy iam:DeleteRole
    printf ', '
    allow "arn:aws:logs:$region:*:log-group:/aws/lambda/$name\", \"arn:aws:logs:$region:*:log-group:/aws/lambda/$name:*" \
        logs:FilterLogEvents logs:DeleteLogGroup
    printf ']}\n'
}

allow() { # RESOURCE ACTION...
    local resource=$1 actions
    shift
    actions=$(printf '"%s", ' "$@")
    printf '{"Effect": "Allow", "Action": [%s], "Resource": ["%s"]}' "${actions%, }" "$resource"
}
