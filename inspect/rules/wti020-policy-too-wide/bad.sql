create policy public_docs on app.doc for select using (title like 'public%');
