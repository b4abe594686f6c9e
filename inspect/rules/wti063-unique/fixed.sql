drop index app.person_email;
create unique index person_email on app.person (tenant_id, lower(email)) where email <> '';
