create materialized view app.totals as select tenant_id, count(*) from app.doc group by 1;
grant select on app.totals to wt_app;
