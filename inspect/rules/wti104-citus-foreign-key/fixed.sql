-- profile: citus
alter table app.doc drop constraint part_of, add constraint part_of foreign key (tenant_id, parent) references app.doc on delete cascade;
