create table app.booking (tenant_id int4range not null, room int4range not null, exclude using gist (tenant_id with =, room with &&));
