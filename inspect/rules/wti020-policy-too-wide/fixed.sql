drop policy public_docs on app.doc;
