alter function app.search(text) owner to wt_owner;
