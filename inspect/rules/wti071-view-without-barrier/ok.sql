create view app.mine with (security_barrier) as select * from app.doc where tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid;
grant select on app.mine to wt_app;
