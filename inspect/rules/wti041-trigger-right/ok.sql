grant trigger on app.doc to wt_owner;
