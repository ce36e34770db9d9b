# Handler: Prices.Get-Total
# The total of a basket, in cents.
function Get-Total($Basket) {
    $total = 0
    foreach ($item in $Basket.items) {
        if ($item.price -lt 0) { throw 'a price below zero' }
        $total += $item.price * $item.count
    }
    @{ total = $total }
}
