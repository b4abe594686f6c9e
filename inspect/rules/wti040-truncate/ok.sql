grant truncate on app.doc to wt_owner;
