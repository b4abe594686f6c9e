alter view app.titles set (security_invoker = true);
