revoke select on app.doc from public;
