-- Rows of a tenant, those that hold a value already first.
select {row}::{kind}
from {table}
where {tenant} = $1::uuid
order by {column} is null, {row}
limit $2
