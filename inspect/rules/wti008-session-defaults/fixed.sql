alter role wt_app reset app.tenant_id;
