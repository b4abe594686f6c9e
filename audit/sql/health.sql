-- How far behind the sealer is, and who makes it wait.
select
  coalesce(extract(epoch from clock_timestamp() - (
    select min(e.at) from watertight.audit_event e where e.epoch = s.epoch and e.xid >= s.hwm)), 0)::float8,
  (select count(*) from watertight.audit_event e where e.epoch = s.epoch and e.xid >= s.hwm),
  s.epoch,
  s.sealed_at,
  extract(epoch from clock_timestamp() - s.sealed_at)::float8
from watertight.audit_sealer s
