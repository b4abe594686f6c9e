alter function app.tenant() stable;
