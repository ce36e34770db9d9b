# Handler: prices.total
# The total of a basket, in cents.
total() {
    jq -c 'if any(.items[]; .price < 0) then error("a price below zero") else . end
        | {total: ([.items[] | .price * .count] | add // 0)}'
}
