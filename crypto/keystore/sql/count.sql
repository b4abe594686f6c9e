-- How many values of one tenant are sealed under each key.
select ('x' || encode(substr({column}, 2, 4), 'hex'))::bit(32)::bigint as key_id, count(*)
from {table}
where {tenant} = $1
  and {column} is not null
group by 1
