revoke execute on function app.add_context_key(text, text) from public;
