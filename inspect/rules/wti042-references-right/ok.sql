grant references on app.doc to wt_owner;
