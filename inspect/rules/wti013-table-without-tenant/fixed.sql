drop table app.label;
alter table app.tag add unique (tenant_id, id);
create table app.label (tenant_id uuid not null, tag_id int not null, body text, foreign key (tenant_id, tag_id) references app.tag (tenant_id, id));
alter table app.label enable row level security, force row level security;
create policy tenant on app.label using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
grant select, insert on app.label to wt_app;
