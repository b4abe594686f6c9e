-- Most common values and bounds of histograms are copies of values.
select count(*) from pg_catalog.pg_statistic s
where exists (select from unnest($1::text[]) n
  where position(n in lower(concat(s.stavalues1, s.stavalues2, s.stavalues3, s.stavalues4, s.stavalues5))) > 0)
  and s.starelid <> all (array['watertight.erasure'::regclass, 'watertight.placement'::regclass, 'watertight.audit_event'::regclass])
