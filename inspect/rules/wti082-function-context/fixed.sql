alter function app.demo() reset app.tenant_id;
