grant select on app.doc to public;
