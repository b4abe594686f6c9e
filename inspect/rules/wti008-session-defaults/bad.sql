alter role wt_app set app.tenant_id = '11111111-1111-1111-1111-111111111111';
