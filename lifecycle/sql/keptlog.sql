-- A kept log, part by part.
select data from watertight.kept_logs where tenant_id = $1 and log_no = $2 order by part_no
