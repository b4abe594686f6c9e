-- Puts new sealed values where the column still holds the old one. Rows that
-- another transaction has locked are left to it: waiting for them could hold up
-- or deadlock with a writer, who has the right of way.
with mine as materialized (
  select t.{row}
  from {table} t
  where t.{tenant} = $1
    and t.{row} = any ($2::{kind}[])
  order by t.{row}
  for no key update skip locked
)
update {table} t
set {column} = u.new
from unnest($2::{kind}[], $3::bytea[], $4::bytea[]) as u (id, old, new)
where t.{tenant} = $1
  and t.{row} = u.id
  and t.{column} = u.old
  and u.id in (select {row} from mine)
