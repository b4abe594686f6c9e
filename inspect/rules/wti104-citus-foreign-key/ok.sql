alter table app.doc add column parent uuid, add constraint part_of foreign key (tenant_id, parent) references app.doc on delete set null (parent);
