create role wt_reports login bypassrls;
grant usage on schema app to wt_reports;
grant select on app.doc to wt_reports;
