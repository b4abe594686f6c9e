alter table app.folder add unique (tenant_id, id);
alter table app.file drop constraint file_folder_id_fkey, add foreign key (tenant_id, folder_id) references app.folder (tenant_id, id);
