alter table app.doc force row level security;
