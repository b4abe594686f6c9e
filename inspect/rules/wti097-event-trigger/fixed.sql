alter function app.guard() owner to wt_owner;
