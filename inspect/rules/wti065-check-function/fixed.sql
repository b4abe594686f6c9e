alter function app.email_free(text) security invoker;
