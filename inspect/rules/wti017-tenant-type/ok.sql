create domain app.tenant as uuid;
create table app.note (tenant_id app.tenant not null, body text);
