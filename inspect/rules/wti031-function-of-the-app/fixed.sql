alter function app.tenant() owner to wt_owner;
