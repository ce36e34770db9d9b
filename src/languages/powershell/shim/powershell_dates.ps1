    # For PowerShell before 7.5: what ConvertFrom-Json itself uses, told to let dates be.
    function script:Read-JsonWithoutDates($Text) {
        $settings = [Newtonsoft.Json.JsonSerializerSettings]::new()
        $settings.DateParseHandling = [Newtonsoft.Json.DateParseHandling]::None
        $settings.MaxDepth = 1024
        # a key `$ref` is one like any other
        $settings.MetadataPropertyHandling = [Newtonsoft.Json.MetadataPropertyHandling]::Ignore
        $script:serializer = [Newtonsoft.Json.JsonSerializer]::Create($settings)
        $value = [Newtonsoft.Json.JsonConvert]::DeserializeObject($Text, $settings)
        if ($value -is [Newtonsoft.Json.Linq.JToken]) { $value = ConvertFrom-Token $value }
        , $value
    }

    # Hashtables and arrays for the objects and arrays of Newtonsoft.Json, which fills them but for what is nested.
    function script:ConvertFrom-Token($Token) {
        if ($Token -is [Newtonsoft.Json.Linq.JObject]) {
            $data = @{ }
            $serializer.Populate($Token.CreateReader(), $data)
            foreach ($name in @($data.get_Keys())) {
                if ($data[$name] -is [Newtonsoft.Json.Linq.JToken]) { $data[$name] = ConvertFrom-Token $data[$name] }
            }
            return $data
        }
        $list = $serializer.Deserialize($Token.CreateReader(), [object[]])
        for ($index = 0; $index -lt $list.Length; $index++) {
            if ($list[$index] -is [Newtonsoft.Json.Linq.JToken]) { $list[$index] = ConvertFrom-Token $list[$index] }
        }
        , $list
    }
