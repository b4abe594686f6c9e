drop rule copy on app.doc;
