select 'warning', 'server', '',
  format('PostgreSQL %s.%s lacks fixes that concern row-level security (%s)', max(g.version) / 10000, max(g.version) % 10000, string_agg(c.cve, ', ' order by c.cve)),
  'update to the newest minor version of the server'
from (values
  ('CVE-2023-2455', 150003, 0, 0, 0), ('CVE-2023-39418', 150004, 0, 0, 0), ('CVE-2024-4317', 150007, 160003, 0, 0),
  ('CVE-2024-10976', 150009, 160005, 170001, 0), ('CVE-2025-8713', 150014, 160010, 170006, 0)) as c(cve, v15, v16, v17, v18) cross join config g
where g.version < case g.version / 10000 when 15 then v15 when 16 then v16 when 17 then v17 when 18 then v18 else 0 end
having count(*) > 0
union all
select 'warning', 'pg_catalog.pg_stats_ext_exprs', '', 'pg_stats_ext_exprs still shows statistics of rows that policies hide (CVE-2024-4317): the cluster was made by an older minor version',
  'run share/fix-CVE-2024-4317.sql in every database'
from pg_catalog.pg_rewrite r where r.ev_class = 'pg_catalog.pg_stats_ext_exprs'::regclass
  and r.ev_action::text !~ ':funcid (2705|2706|2707|2708|2709|2710) '
