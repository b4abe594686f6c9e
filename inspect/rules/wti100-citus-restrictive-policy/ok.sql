-- No cluster, and none is planned: the policy narrows.
create policy own on app.doc as restrictive using (title is not null);
