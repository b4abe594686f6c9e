-- Whether the tenant has a log, and the greatest number of those that came
-- with it from elsewhere.
select exists (select from watertight.audit_event where tenant_id = $1)
    or exists (select from watertight.audit_tree where tenant_id = $1),
  coalesce((select max(log_no) from watertight.kept_logs where tenant_id = $1), 0)
