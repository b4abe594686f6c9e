-- The sealed events of one tenant in which a person acted, or that speak of one row.
select id
from watertight.audit_event
where tenant_id = $1
  and ($2::text is null or actor_id = $2::text or actor_email = $2::text)
  and ($3::text is null or entity = $3::text)
  and ($4::text is null or entity_id = $4::text)
  and num_nonnulls($2::text, $3::text, $4::text) > 0
order by epoch, xid, id
