# Handler: Orders.Get-Total
#Requires -Modules Money
# Adds up the cost of an order, with a module that was saved into modules/.
function Get-Total($Order) {
    $total = 0
    foreach ($item in $Order.items) {
        $total += $item.price * $item.count
    }
    @{ total = Format-Money $total }
}
