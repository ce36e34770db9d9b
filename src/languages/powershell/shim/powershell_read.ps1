        $count = $Requests.Read($buffer, $begin, $capacity)
        # an event that came whole, as most do, is taken by commands that cost no start
        $form = '\A(?:context \d+\n(?<variables>.+(?:\n.+)*)\n\n(?<headers>[^\s:]+: .*(?:\n[^\s:]+: .*)*)\nevent (?<size>\d+)\n(?<event>(?s:.*))|(?<step>\w+) 0\n\z)'
        $request = $null
        if ($utf8.GetString($buffer, $begin, $count) -match $form) {
            $request = $Matches
            if ($request['step'] -isnot [string]) {
                $size = -join $utf8.GetByteCount($request['event'])
                if ($size -cne $request['size']) { $request = $null }
            }
        }
        if ($request -isnot [object]) {
            Import-Part 'request'
            $request = Read-LongRequest $Requests $count
        }
