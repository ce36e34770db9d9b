    # The request whose first bytes are in the buffer: an event that has come in part, or that is no UTF-8, or whose
    # headers are long.
    function script:Read-LongRequest($Pipe, $Held) {
        $whole = $buffer
        $form = '(?s)\Acontext (\d+)\n(?<variables>.*?)\n\n(?<headers>.*?)\nevent (\d+)\n'
        while ($utf8.GetString($whole, 0, $Held) -notmatch $form) {
            if ($Held -eq $whole.Length) { $whole = Expand-Buffer $whole (2 * $Held) }
            $count = $Pipe.Read($whole, $Held, $whole.Length - $Held)
            if ($count -eq 0) { return }
            $Held += $count
        }
        $size = [int] $Matches[2]
        $start = "context $($Matches[1])`nevent $size`n".Length + $Matches[1]
        if ($start + $size -gt $whole.Length) { $whole = Expand-Buffer $whole ($start + $size) }
        while ($Held -lt $start + $size) {
            $count = $Pipe.Read($whole, $Held, $whole.Length - $Held)
            if ($count -eq 0) { return }
            $Held += $count
        }
        $Matches['event'] = $utf8.GetString($whole, $start, $size)
        $Matches
    }

    function script:Expand-Buffer($Bytes, $Size) {
        $larger = [byte[]]::new($Size)
        [Buffer]::BlockCopy($Bytes, 0, $larger, 0, $Bytes.Length)
        , $larger
    }
