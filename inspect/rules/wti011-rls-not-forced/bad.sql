alter table app.doc no force row level security;
