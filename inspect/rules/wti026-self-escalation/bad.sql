create table app.member (usr uuid not null, tenant_id uuid not null, primary key (usr, tenant_id));
alter table app.member enable row level security;
create policy own on app.member using (usr = nullif(current_setting('app.user_id', true), '')::uuid);
grant select, insert on app.member to wt_app;
drop policy tenant on app.doc;
create policy tenant on app.doc using (tenant_id in (select m.tenant_id from app.member m where m.usr = nullif(current_setting('app.user_id', true), '')::uuid));
