drop trigger late on app.doc;
