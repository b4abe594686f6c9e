-- Values of one tenant that are sealed under another key than the active one,
-- in the order of their rows, after the last one that was seen.
select {row}::{kind}, {column}
from {table}
where {tenant} = $1
  and ($2::{kind} is null or {row} > $2::{kind})
  and substr({column}, 2, 4) <> $3
order by {row}
limit $4
