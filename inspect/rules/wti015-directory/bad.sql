alter table app.tenants enable row level security;
create policy all_of_them on app.tenants using (true);
grant select, update on app.tenants to wt_app;
