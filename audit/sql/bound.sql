-- Where to stop so that one round holds about $4 events: between transactions.
select min(xid)::text
from watertight.audit_event
where epoch = $1
  and xid < $3::text::xid8
  and xid > (
    select xid from watertight.audit_event
    where epoch = $1 and xid >= $2::text::xid8 and xid < $3::text::xid8
    order by epoch, xid
    offset $4::bigint limit 1)
