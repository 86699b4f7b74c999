/* The loop a compiled language would use: one queue a group, kept as a linked list of fills.

   `head` and `tail` hold, a group, the first and last fill with units left; `next` links them, and
   `left` holds their signed units. Groups are numbered from 0 up to the length of `head`. Closed
   lots come out in the order they closed. Returns their number. */
#include <stdint.h>

int64_t match(int64_t fills, const int64_t *group, const int64_t *quantity, const int64_t *price,
              int64_t *head, int64_t *tail, int64_t *next, int64_t *left, int64_t *pnl,
              int64_t *buy_row, int64_t *sell_row, int64_t *units)
{
    int64_t lots = 0;
    for (int64_t row = 0; row < fills; row++) {
        int64_t key = group[row], rest = quantity[row], other = head[key];
        while (rest && other >= 0 && (left[other] > 0) != (rest > 0)) {
            int64_t mine = rest > 0 ? rest : -rest;
            int64_t theirs = left[other] > 0 ? left[other] : -left[other];
            int64_t taken = mine < theirs ? mine : theirs;
            int64_t signed_taken = rest > 0 ? taken : -taken;
            buy_row[lots] = rest > 0 ? row : other;
            sell_row[lots] = rest > 0 ? other : row;
            units[lots++] = taken;
            pnl[key] += signed_taken * (price[other] - price[row]);
            rest -= signed_taken;
            left[other] += signed_taken;
            if (!left[other])
                other = next[other];
        }
        head[key] = other;
        left[row] = rest;
        next[row] = -1;
        if (rest) {
            if (other < 0)
                head[key] = row;
            else
                next[tail[key]] = row;
            tail[key] = row;
        }
    }
    return lots;
}
