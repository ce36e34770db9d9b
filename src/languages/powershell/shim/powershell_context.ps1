            # The event's environment variables, and its context: the environment, the headers, and what other
            # runtimes call them.
            $context = $nextContext
            foreach ($line in $request['variables'] -split '\n') {
                $name, $value = $line -split '=', 2
                [Environment]::SetEnvironmentVariable($name, $value)
                if ($value -is [string]) { $context[$name] = $value } else { $context.Remove($name) }
            }
            foreach ($line in $request['headers'] -split '\n') {
                $name, $value = $line -split ': ', 2
                $context[$name] = $value
            }
            $context['AwsRequestId'] = $context['lambda-runtime-aws-request-id']
            $context['InvokedFunctionArn'] = $context['lambda-runtime-invoked-function-arn']
            $context['Identity'] = $context['lambda-runtime-cognito-identity']
            $context['ClientContext'] = $context['lambda-runtime-client-context']
            $context['TenantId'] = $context['lambda-runtime-aws-tenant-id']
            $script:requestId = $context['AwsRequestId']
