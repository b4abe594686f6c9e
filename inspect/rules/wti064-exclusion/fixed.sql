create extension btree_gist schema app;
alter table app.booking drop constraint booking_room_excl, add exclude using gist (tenant_id app.gist_uuid_ops with =, room with &&);
