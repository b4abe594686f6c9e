create table app.tag (tenant_id uuid not null, id int primary key);
create table app.label (tag_id int references app.tag, body text);
grant select, insert on app.label to wt_app;
