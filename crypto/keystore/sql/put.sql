-- Puts a value into one row and returns what is there then.
update {table}
set {column} = $3{others}
where {tenant} = $1::uuid
  and {row} = $2::text::{kind}
returning {column}
